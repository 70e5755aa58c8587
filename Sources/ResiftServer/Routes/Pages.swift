import Hummingbird
import Inference
import NIOCore
import OrderedJSON
import Ranking
import Resift
import TextFiles

/// The pages for people. They use nothing from other servers, and may not.
enum Pages {
    static func playground() throws(RankingError) -> [UInt8] { try read("playground.html") }

    static func openAPI() throws(RankingError) -> JSONValue {
        let text = try read("openapi.json")
        do throws(JSONError) { return try JSONValue.parse(text) } catch {
            throw RankingError(
                .corruptFile, what: "openapi.json is not JSON.", why: "\(error)", fix: "Install the package again.")
        }
    }

    static func response(_ html: [UInt8]) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .contentSecurityPolicy:
                    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                .xContentTypeOptions: "nosniff",
            ], body: ResponseBody(byteBuffer: ByteBuffer(bytes: html)))
    }

    private static func read(_ name: String) throws(RankingError) -> [UInt8] {
        let paths = ResourceFolder.candidates(target: "ResiftServer").map { $0 + "/" + name }
        guard let path = paths.first(where: FileStatus.isFile) else {
            throw RankingError(
                .storage, what: "The page \(name) was not found.",
                why: "The program was moved without its resource folder; looked for \(paths.joined(separator: ", ")).",
                fix: "Install with `make install`, or keep resift_ResiftServer.resources beside the program.")
        }
        return try InputBytes.read(path: path).bytes
    }

    // MARK: The paths of the server, from its OpenAPI document

    static func docs() throws(RankingError) -> [UInt8] {
        var html = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta name="color-scheme" content="light dark">
            <title>Resift: paths</title>
            <style>
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
            code { font: 0.9em ui-monospace, monospace }
            dt { margin-top: 1.2rem; font-weight: 600 }
            </style>
            <h1>Paths of this server</h1>
            <p>As a document for machines: <a href="/openapi.json">OpenAPI</a>. To try it: <a href="/">playground</a>.</p>
            <dl>

            """
        guard case .object(let document) = try openAPI(), case .object(let paths)? = document["paths"] else {
            return Array(html.utf8)
        }
        for path in paths.members {
            guard case .object(let methods) = path.value else { continue }
            for method in methods.members {
                guard case .object(let operation) = method.value else { continue }
                html += "<dt><code>\(method.key.uppercased()) \(path.key)</code></dt>\n"
                for key in ["summary", "description"] {
                    if case .string(let text)? = operation[key] { html += "<dd>\(escaped(text))</dd>\n" }
                }
            }
        }
        return Array((html + "</dl>\n</html>\n").utf8)
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
