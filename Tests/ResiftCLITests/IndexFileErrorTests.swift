import Foundation
import TestSupport
import Testing

@Suite("An index and its commands refuse what they cannot use")
struct IndexFileErrorTests {
    private let folder: TemporaryFolder
    private let index: String

    init() throws {
        folder = try TemporaryFolder()
        index = folder.path + "/small.resift"
        try folder.write(
            "small.jsonl",
            """
            {"_id": "a", "title": "Refunds", "text": "Money back within a month.", "price": 5, "created_at": "2026-01-02"}
            {"_id": "b", "title": "Outages", "text": "The status page shows them.", "price": 7, "created_at": "2026-03-04"}
            """)
        let output = try Resift.run(["index", "build", folder.path + "/small.jsonl", "--output", index])
        #expect(output.status == 0, "\(output.stderr)")
    }

    /// Runs a command that has to fail, and returns what it says.
    private func failure(_ arguments: [String], status: Int32, input: String = "") throws -> String {
        let output = try Resift.run(arguments, input: input)
        #expect(output.status == status, "\(output.stdout) \(output.stderr)")
        #expect(output.stdout == "")
        for part in ["error: ", "  why: ", "  fix: "] { #expect(output.stderr.contains(part), "\(output.stderr)") }
        return output.stderr
    }

    private func build(_ input: String, _ options: [String] = []) throws -> String {
        try failure(
            ["index", "build", "-", "--output", folder.path + "/new.resift"] + options, status: 65, input: input)
    }

    @Test("a corpus that cannot be indexed names the line")
    func corpora() throws {
        #expect(try build("").contains("The corpus has no documents."))
        #expect(try build("{\"text\": \"no id\"}\n").contains("standard input, line 1"))
        let twice = try build("{\"_id\": \"x\", \"text\": \"1\"}\n{\"_id\": \"x\", \"text\": \"2\"}\n")
        #expect(twice.contains("standard input, line 2: There are two documents with the id \"x\"."))
        #expect(try build("{\"_id\": \"x\", \"text\": \"1\"\n").contains("line 1"))
        #expect(try build("{\"_id\": \"x\"}", ["--analyzer", "klingon"]).contains("english, unicode, cjk-bigram"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/new.resift"))
    }

    @Test("an id that the index has stops an addition, which then adds nothing")
    func duplicates() throws {
        let added = "{\"_id\": \"new\", \"text\": \"fresh words\"}\n{\"_id\": \"a\", \"text\": \"again\"}\n"
        let error = try failure(["index", "add", "-", "--index", index], status: 65, input: added)
        #expect(error.contains("line 2: There are two documents with the id \"a\"."))
        let found = try Resift.run(["search", "fresh words", "--index", index, "--no-rerank"])
        #expect(found.stdout == "")
    }

    @Test("what is no index, or one of another version, is told apart")
    func otherFiles() throws {
        #expect(try failure(["search", "x", "--index", folder.path + "/none"], status: 66).contains("no index"))
        #expect(
            try failure(["search", "x", "--index", folder.path + "/small.jsonl"], status: 74).contains(
                "is not an index"))
        #expect(try failure(["search", "x", "--index", folder.path], status: 74).contains("is not an index"))
        // The user version is the big-endian number at byte 60 of SQLite's header, the application's id at 68.
        try folder.editBytes(index) { $0[63] = 9 }
        #expect(try failure(["search", "x", "--index", index], status: 74).contains("format version 9"))
        try folder.editBytes(index) { $0[68] = 1 }
        #expect(try failure(["index", "info", index], status: 74).contains("database of another program"))
    }

    @Test("damage is found, and never crashes a command", arguments: 0..<20)
    func damage(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        try folder.editBytes(index) { bytes in
            if random.oneIn(4) {
                bytes = bytes.prefix(random.int(in: 100...bytes.count))
            } else {
                for _ in 0..<30 { bytes[random.int(in: 100...bytes.count - 1)] = UInt8(random.int(in: 0...255)) }
            }
        }
        for arguments in [
            ["index", "verify", index], ["index", "info", index],
            ["search", "refund status page", "--index", index, "--no-rerank", "--explain"],
            ["search", "refund", "--index", index, "--no-rerank", "--filter", "price > 1"],
            ["index", "compact", index],
        ] {
            let output = try Resift.run(arguments)
            #expect([0, 65, 66, 73, 74].contains(output.status), "\(arguments): \(output.status) \(output.stderr)")
        }
    }

    @Test("a filter that cannot be read, or names what is not there, says where and what there is")
    func filters() throws {
        func error(_ filter: String) throws -> String {
            try failure(["search", "refunds", "--index", index, "--filter", filter], status: 65)
        }
        #expect(try error("price >").contains("^"))
        #expect(try error("prise > 1").contains("Did you mean \"price\"?"))
        #expect(try error("price = true").contains("Its values are: number"))
    }

    @Test("a query of stop words alone is an error; among many queries it is passed over and named")
    func stopWords() throws {
        #expect(try failure(["search", "to be or not", "--index", index], status: 65).contains("no word to look up"))
        try folder.write("queries.tsv", "q1\tto be or not\nq2\trefunds\n")
        let output = try Resift.run(
            ["search", "--queries", folder.path + "/queries.tsv", "--index", index, "--no-rerank", "--format", "trec"])
        #expect(output.status == 0)
        #expect(output.lines.count == 1)
        #expect(output.stderr.contains("1 of 2 queries have no word to look up and no results: q1"))
    }

    @Test("an embedder that is not the index's own is refused")
    func embedders() throws {
        let model = Repository.model("bert-bi-encoder-mean")
        #expect(
            try failure(["search", "x", "--index", index, "--embedder", model], status: 65).contains("has no vectors"))
        #expect(
            try failure(["search", "refunds", "--index", index, "--stages", "dense"], status: 65)
                .contains("has no vectors"))
    }

    @Test("a document of 10 MB is split and found")
    func largeDocument() throws {
        let sentence = "All of this is filler about nothing in particular. "
        let text = String(repeating: sentence, count: 200_000) + "The needle is here."
        let output = try Resift.run(
            ["index", "build", "-", "--output", folder.path + "/large.resift"],
            input: "{\"_id\": \"large\", \"text\": \"\(text)\"}\n")
        #expect(output.status == 0, "\(output.stderr)")
        let found = try Resift.run(
            ["search", "needle", "--index", folder.path + "/large.resift", "--no-rerank", "--format", "tsv"])
        #expect(found.lines.count == 1)
        #expect(found.stdout.contains("The needle is here."))
        #expect(found.stdout.utf8.count < 10_000)
    }

    @Test("a disk that is full leaves the index as it was", .enabled(if: FullDisk.isPossible, "needs root and mount"))
    func fullDisk() throws {
        let disk = try FullDisk(folder.path + "/disk", megabytes: 1)
        defer { disk.unmount() }
        let small = disk.path + "/small.resift"
        try FileManager.default.copyItem(atPath: index, toPath: small)
        let lines = (0..<20_000).map {
            "{\"_id\": \"\($0)\", \"text\": \"some words number \($0 * 7) and \($0 * 13)\"}"
        }
        try folder.write("big.jsonl", lines.joined(separator: "\n"))
        for arguments in [
            ["index", "add", folder.path + "/big.jsonl", "--index", small],
            ["index", "build", folder.path + "/big.jsonl", "--output", disk.path + "/big.resift"],
        ] {
            #expect(try failure(arguments, status: 73).contains("full"))
        }
        let output = try Resift.run(["index", "verify", small])
        #expect(output.status == 0, "\(output.stdout) \(output.stderr)")
        #expect(output.stdout.contains("documents  2"))
    }
}

/// A small file system in memory.
private struct FullDisk {
    let path: String

    static var isPossible: Bool {
        getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount") && (try? probe()) == true
    }

    private static func probe() throws -> Bool {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        try FullDisk(folder.path + "/probe", megabytes: 1).unmount()
        return true
    }

    init(_ path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let status = try FullDisk.command("/bin/mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path)
        if status != 0 { throw CocoaError(.fileWriteNoPermission) }
    }

    func unmount() { _ = try? FullDisk.command("/bin/umount", path) }

    private static func command(_ program: String, _ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
