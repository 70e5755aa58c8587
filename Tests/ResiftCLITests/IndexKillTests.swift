import Foundation
import OrderedJSON
import TestSupport
import Testing

@Suite("SIGKILL at random moments", .serialized)
struct IndexKillTests {
    /// Rounds for each command; RESIFT_KILL_ROUNDS asks for more.
    private static let rounds =
        ProcessInfo.processInfo.environment["RESIFT_KILL_ROUNDS"].flatMap { Int($0) } ?? 5

    private static let kept = 3_000
    private static let more = 3_000

    /// An index of `kept` documents, and what is done to it.
    private final class Playground {
        let folder: TemporaryFolder
        var index: String { folder.path + "/k.resift" }

        init() throws {
            folder = try TemporaryFolder()
            var random = SeededGenerator(seed: 7)
            for (name, count) in [("kept", IndexKillTests.kept), ("more", IndexKillTests.more)] {
                let lines = (0..<count).map { number in
                    let words = (0..<30).map { _ in "w\(random.int(in: 0...random.int(in: 1...4_000)))" }
                    return
                        "{\"_id\": \"\(name)-\(number)\", \"text\": \"\(words.joined(separator: " "))\", \"group\": \"\(name)\"}"
                }
                try folder.write("\(name).jsonl", lines.joined(separator: "\n"))
            }
            try folder.write("ids.txt", (0..<IndexKillTests.more).map { "more-\($0)" }.joined(separator: "\n"))
            try done(["index", "build", folder.path + "/kept.jsonl", "--output", index])
        }

        func arguments(_ command: String) -> [String] {
            switch command {
            case "add": ["index", "add", folder.path + "/more.jsonl", "--index", index]
            case "delete": ["index", "delete", "--ids", folder.path + "/ids.txt", "--index", index]
            case "compact": ["index", "compact", index]
            default: ["index", "build", folder.path + "/more.jsonl", "--output", index, "--replace"]
            }
        }

        /// Milliseconds.
        @discardableResult
        func done(_ arguments: [String]) throws -> Double {
            let begin = ContinuousClock().now
            let output = try Resift.run(arguments)
            #expect(output.status == 0, "\(output.stderr)")
            return (ContinuousClock().now - begin) / .milliseconds(1)
        }

        /// The documents of an index that has to be whole.
        func documents() throws -> Int {
            let output = try Resift.run(["index", "verify", index, "--format", "json"])
            #expect(output.status == 0, "\(output.stdout) \(output.stderr)")
            guard case .object(let report) = try JSONValue.parse(Array(output.stdout.utf8)),
                case .number(let documents)? = report["documents"]
            else { return -1 }
            return documents.int ?? -1
        }

        func hasKeptDocuments() throws -> Bool {
            let output = try Resift.run(
                [
                    "search", "w1 w2 w3", "--index", index, "--no-rerank", "--filter", "group = kept", "--limit", "5",
                    "--format", "tsv",
                ])
            return output.status == 0 && output.lines.count == 5
        }
    }

    @Test(
        "leave a whole index, without the killed command's work or with all of it",
        arguments: ["add", "delete", "compact", "build"])
    func kill(command: String) throws {
        let playground = try Playground()
        defer { withExtendedLifetime(playground) {} }
        let (kept, all) = (IndexKillTests.kept, IndexKillTests.kept + IndexKillTests.more)
        var random = SeededGenerator(seed: 20)
        // How long each command takes when it is left alone.
        let adding = try playground.done(playground.arguments("add"))
        let deleting = try playground.done(playground.arguments("delete"))
        let compacting = try playground.done(playground.arguments("compact"))
        #expect(try playground.documents() == kept)
        let time = ["add": adding, "delete": deleting, "compact": compacting, "build": adding][command] ?? 1
        for _ in 0..<IndexKillTests.rounds {
            if command == "delete" || command == "compact" { try playground.done(playground.arguments("add")) }
            if command == "compact" { try playground.done(playground.arguments("delete")) }
            try Resift.kill(playground.arguments(command), afterMilliseconds: random.int(in: 0...Int(time)))
            let found = try playground.documents()
            switch command {
            case "add":
                #expect([kept, all].contains(found))
                if found == all { try playground.done(playground.arguments("delete")) }
            case "delete":
                #expect([kept, all].contains(found))
                if found == all { try playground.done(playground.arguments("delete")) }
            case "compact": #expect(found == kept)
            default:
                #expect([kept, IndexKillTests.more].contains(found))
                if found == IndexKillTests.more {
                    try playground.done(
                        [
                            "index", "build", playground.folder.path + "/kept.jsonl", "--output", playground.index,
                            "--replace",
                        ])
                }
            }
            #expect(try playground.hasKeptDocuments())
        }
        // What a killed build left does not stand in the way of the next one.
        try playground.done(playground.arguments("build"))
        #expect(try playground.documents() == IndexKillTests.more)
    }
}
