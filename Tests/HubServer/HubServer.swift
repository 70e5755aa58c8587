import Crypto
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A hub of the test's own on this machine: its interface, and a second host that stores the large files.
///
/// It answers on threads of its own, so that a test may wait for a process without hindering it.
package final class HubServer: Sendable {
    /// The hub proper, or the host that its redirects lead to.
    package enum Host: Sendable { case hub, storage }

    package struct Request: Sendable {
        package var host: Host
        package var method: String
        package var path: String
        package var headers: [String: String]
    }

    /// What goes wrong with one answer.
    package enum Fault: Sendable {
        case status(UInt, headers: [String: String] = [:])
        /// The connection ends after so many bytes of the body.
        case cut(after: Int)
        /// After so many bytes nothing more comes, and the connection stays open.
        case stall(after: Int)
        /// Bytes of the right number that are not the file's.
        case otherBytes
        /// The whole file, though a part was asked for.
        case ignoresRange
        /// A redirect to anywhere.
        case redirect(String)

        /// True for what a redirect, which has no body, cannot suffer.
        fileprivate var isOfBody: Bool {
            switch self {
            case .status, .redirect: false
            default: true
            }
        }
    }

    private struct State {
        var requests: [Request] = []
        var faults: [(suffix: String, method: String, fault: Fault)] = []
    }

    package let id: String
    package let commit: String
    private let files: [String: [UInt8]]
    /// Names that the hub lists, in this order.
    private let listed: [String]
    private let requiredToken: String?
    private let claimedSize: Int64?
    private let state = Mutex(State())
    private let channels: Mutex<[any Channel]> = Mutex([])
    private let ports = Mutex<(hub: Int, storage: Int)>((0, 0))

    /// - Parameters:
    ///   - listed: Names that are listed and do not exist.
    ///   - requiredToken: Without it the model is gated.
    ///   - claimedSize: What is said to be the size of large files.
    package init(
        id: String = "tests/tiny-model", files: [String: [UInt8]], listed: [String] = [], requiredToken: String? = nil,
        claimedSize: Int64? = nil
    ) throws {
        self.id = id
        self.files = files
        self.listed = files.keys.sorted() + listed
        self.requiredToken = requiredToken
        self.claimedSize = claimedSize
        let names = files.keys.sorted().joined(separator: "\n")
        commit = HubServer.hexadecimal(Insecure.SHA1.hash(data: Array(names.utf8)))
        let hub = try listen(.hub)
        let storage = try listen(.storage)
        ports.withLock { $0 = (hub, storage) }
    }

    deinit {
        for channel in channels.withLock({ $0 }) { channel.close(promise: nil) }
    }

    package var endpoint: String { "http://127.0.0.1:\(ports.withLock { $0.hub })" }
    private var storage: String { "http://127.0.0.1:\(ports.withLock { $0.storage })" }

    /// The next request whose path ends like this has this answer; each fault is used once.
    package func fail(_ suffix: String, _ fault: Fault, method: String = "GET", times: Int = 1) {
        state.withLock { state in
            for _ in 0..<times { state.faults.append((suffix, method, fault)) }
        }
    }

    package var requests: [Request] { state.withLock { $0.requests } }

    /// The requests for the bytes of a large file.
    package func transfers(of name: String) -> [Request] {
        requests.filter { $0.host == .storage && $0.path.hasPrefix("/" + name + "?") }
    }

    package func forget() { state.withLock { $0.requests = [] } }

    package static func hash(of bytes: [UInt8]) -> String { hexadecimal(SHA256.hash(data: bytes)) }
    package static func gitHash(of bytes: [UInt8]) -> String {
        hexadecimal(Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes))
    }

    private static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    private func listen(_ host: Host) throws -> Int {
        let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(Handler(server: self, host: host))
                }
            }.bind(host: "127.0.0.1", port: 0).wait()
        channels.withLock { $0.append(channel) }
        return channel.localAddress?.port ?? 0
    }
}

// MARK: - Answers

extension HubServer {
    fileprivate struct Answer {
        var status: UInt = 200
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var fault: Fault?
    }

    fileprivate func answer(_ request: Request) -> Answer {
        let path = request.path.split(separator: "?").first.map(String.init) ?? request.path
        var answer = request.host == .hub ? hubAnswer(request, path) : storageAnswer(request, path)
        let fault: Fault? = state.withLock { [hasBody = !answer.body.isEmpty] state in
            state.requests.append(request)
            let position = state.faults.firstIndex {
                $0.method == request.method && path.hasSuffix($0.suffix) && (hasBody || !$0.fault.isOfBody)
            }
            return position.map { state.faults.remove(at: $0).fault }
        }
        answer.fault = fault
        switch fault {
        case .status(let status, let headers)?: return Answer(status: status, headers: headers)
        case .redirect(let location)?: return Answer(status: 302, headers: ["Location": location])
        case .otherBytes?: answer.body = answer.body.map { $0 ^ 1 }
        case .ignoresRange?:
            var whole = request
            whole.headers["range"] = nil
            return storageAnswer(whole, path)
        case .cut?, .stall?, nil: break
        }
        return answer
    }

    private func hubAnswer(_ request: Request, _ path: String) -> Answer {
        if let requiredToken {
            guard let authorization = request.headers["authorization"] else {
                return Answer(status: 401, headers: ["X-Error-Code": "GatedRepo"])
            }
            guard authorization == "Bearer \(requiredToken)" else {
                return Answer(status: 403, headers: ["X-Error-Code": "GatedRepo"])
            }
        }
        let information = "/api/models/\(id)/revision/"
        if path.hasPrefix(information) {
            guard ["main", commit, "v1.0"].contains(String(path.dropFirst(information.count))) else {
                return Answer(status: 404, headers: ["X-Error-Code": "RevisionNotFound"])
            }
            let names = listed.map { #"{"rfilename": "\#($0)"}"# }.joined(separator: ", ")
            return Answer(body: Array(#"{"id": "\#(id)", "sha": "\#(commit)", "siblings": [\#(names)]}"#.utf8))
        }
        let resolve = "/\(id)/resolve/\(commit)/"
        // The hub serves small files from another address of its own.
        let cached = "/api/resolve-cache/models/\(id)/\(commit)/"
        let name = path.dropFirst(path.hasPrefix(cached) ? cached.count : resolve.count)
        guard path.hasPrefix(resolve) || path.hasPrefix(cached), let bytes = files[String(name)] else {
            return Answer(
                status: 404, headers: ["X-Error-Code": path.hasPrefix(resolve) ? "EntryNotFound" : "RepoNotFound"])
        }
        guard name.hasSuffix(".safetensors") else {
            let headers = ["ETag": "\"\(HubServer.gitHash(of: bytes))\"", "X-Repo-Commit": commit]
            if path.hasPrefix(resolve) {
                return Answer(status: 307, headers: headers.merging(["Location": cached + name]) { $1 })
            }
            return part(of: bytes, request, headers)
        }
        return Answer(
            status: 302,
            headers: [
                "Location": "\(storage)/\(name)?signature=only-for-storage",
                "X-Linked-Etag": "\"\(HubServer.hash(of: bytes))\"",
                "X-Linked-Size": "\(claimedSize ?? Int64(bytes.count))", "X-Repo-Commit": commit, "ETag": "\"other\"",
            ])
    }

    private func storageAnswer(_ request: Request, _ path: String) -> Answer {
        guard let bytes = files[String(path.dropFirst())] else { return Answer(status: 404) }
        return part(of: bytes, request, ["ETag": "\"of the storage\""])
    }

    /// The whole, or from the position on that the request names, unless If-Range names another content.
    private func part(of bytes: [UInt8], _ request: Request, _ headers: [String: String]) -> Answer {
        guard let range = request.headers["range"], let start = Int(range.dropFirst("bytes=".count).dropLast()),
            request.headers["if-range"].map({ $0 == headers["ETag"] }) ?? true
        else { return Answer(headers: headers, body: bytes) }
        guard start < bytes.count else { return Answer(status: 416, headers: headers) }
        let place = "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"
        return Answer(
            status: 206, headers: headers.merging(["Content-Range": place]) { $1 }, body: Array(bytes[start...]))
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private weak var server: HubServer?
    private let host: HubServer.Host
    private var head: HTTPRequestHead?

    init(server: HubServer?, host: HubServer.Host) {
        self.server = server
        self.host = host
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head, let server else { return context.close(promise: nil) }
            var headers: [String: String] = [:]
            for header in head.headers { headers[header.name.lowercased()] = header.value }
            let request = HubServer.Request(
                host: host, method: head.method.rawValue, path: head.uri, headers: headers)
            write(server.answer(request), to: request, context)
        }
    }

    private func write(_ answer: HubServer.Answer, to request: HubServer.Request, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: Int(answer.status)))
        for (name, value) in answer.headers { head.headers.add(name: name, value: value) }
        head.headers.add(name: "Content-Length", value: "\(answer.body.count)")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        guard request.method != "HEAD" else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            return
        }
        var count = answer.body.count
        switch answer.fault {
        case .cut(let after)?, .stall(let after)?: count = min(count, after)
        default: break
        }
        let bytes = ByteBuffer(bytes: answer.body.prefix(count))
        switch answer.fault {
        case .cut?:
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(bytes)))).whenComplete { _ in
                channel.close(promise: nil)
            }
        case .stall?: context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        default:
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
