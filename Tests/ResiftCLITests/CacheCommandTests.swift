import Foundation
import TestSupport
import Testing

@Suite("--cache: scores are kept between runs", .blocking)
struct CacheCommandTests {
    private let input = "water budget\nriver temperature\ncouncil election\n"

    private func rerank(_ options: [String], environment: [String: String] = [:]) throws -> Resift.Output {
        try Resift.run(
            ["rerank", "river temperature", "--documents", "-", "--explain", "--model", Resift.model] + options,
            input: input, environment: environment)
    }

    @Test("the second run of the same finds all scores in the file, and prints the same", arguments: [true, false])
    func file(byFlag: Bool) throws {
        let folder = try TemporaryFolder()
        let address = "memory:1MB,sqlite:\(folder.path)/scores.db"
        func run() throws -> Resift.Output {
            byFlag ? try rerank(["--cache", address]) : try rerank([], environment: ["RESIFT_CACHE": address])
        }
        let plain = try rerank([])
        let (first, second) = (try run(), try run())
        #expect([plain.status, first.status, second.status] == [0, 0, 0])
        #expect(first.stdout == plain.stdout)
        #expect(second.stdout == plain.stdout)
        #expect(!first.stderr.contains("from the cache"))
        #expect(second.stderr.contains("3 from the cache"))
    }

    @Test("late-interaction scores are kept too, and --explain still names the tokens")
    func lateInteraction() throws {
        let folder = try TemporaryFolder()
        func run() throws -> Resift.Output {
            try Resift.run(
                [
                    "rerank", "river temperature", "--documents", "-", "--explain", "--model",
                    Repository.model("colbert-bert"), "--cache", "sqlite:\(folder.path)/scores.db",
                ], input: input)
        }
        let (first, second) = (try run(), try run())
        // Nothing was computed the second time, in no precision.
        let kept = first.stdout.replacing(#""precision": "fp32", "#, with: "")
        #expect(first.status == 0 && second.stdout == kept, "\(second.stderr)")
        #expect(kept.contains("matches") && kept != first.stdout)
        #expect(!first.stderr.contains("from the cache") && second.stderr.contains("3 from the cache"))
    }

    @Test("a Redis server that is not there costs no run its answer")
    func absentServer() throws {
        let plain = try rerank([])
        let output = try rerank(["--cache", "redis://:secret@127.0.0.1:1"])
        #expect(output.stdout == plain.stdout)
        #expect(output.status == 0)
        #expect(!output.stderr.contains("secret"))
    }

    @Test("what is no address, or no file for a cache, ends the command with the reason")
    func refusals() throws {
        let folder = try TemporaryFolder()
        let notes = try folder.write("notes.txt", String(repeating: "notes\n", count: 300))
        for (address, text) in [
            ("memcached://host", "memory:SIZE"), ("redis://user:secret@host/x", "number of a database"),
            ("sqlite:\(notes)", "notes.txt"), ("sqlite:/nowhere/scores.db", "/nowhere/scores.db"),
        ] {
            let output = try rerank(["--cache", address])
            #expect(output.status != 0)
            #expect(output.stderr.contains(text), "\(output.stderr)")
            #expect(!output.stderr.contains("secret"))
        }
        let both = try Resift.run(["serve", "--check", "--cache", "memory:1MB", "--cache-bytes", "5"])
        #expect(both.stderr.contains("cache-bytes"))
        #expect(both.status != 0)
    }

    @Test("a server's setting comes from a flag, the environment or a file, the first of these first")
    func serverSettings() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("resift.yaml", "cache: nonsense:1\n")
        func check(_ options: [String], _ environment: [String: String] = [:]) throws -> Resift.Output {
            try Resift.run(["serve", "--check", "--model", Resift.model] + options, environment: environment)
        }
        #expect(try check(["--config", file]).stderr.contains("nonsense:"))
        #expect(try check(["--config", file], ["RESIFT_CACHE": "memory:1MB"]).status == 0)
        #expect(try check([], ["RESIFT_CACHE": "rubbish:1"]).stderr.contains("rubbish:"))
        #expect(try check(["--cache", "none"], ["RESIFT_CACHE": "rubbish:1"]).status == 0)
        #expect(try check(["--cache-bytes", "0"], ["RESIFT_CACHE": "rubbish:1"]).status == 0)
    }
}
