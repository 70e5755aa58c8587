import Foundation
import TestSupport
import Testing

@Suite("A file that is damaged, or no index, is refused with what, why and fix, and is not changed", .blocking)
struct IndexDamageTests {
    private static let lines = (0..<400).map { number in
        #"{"_id": "d\#(number)", "text": "river w\#(number % 7) w\#(number % 31) u\#(number)", "year": \#(number % 9)}"#
    }

    /// Every command that opens an index.
    private static func commands(_ path: String, corpus: String) -> [[String]] {
        [
            ["search", "river", "--index", path, "--no-rerank"], ["index", "info", path], ["index", "verify", path],
            ["index", "compact", path], ["index", "add", corpus, "--index", path],
            ["index", "delete", "d1", "--index", path], ["index", "build", corpus, "--output", path, "--replace"],
        ]
    }

    private func expectRefused(
        _ index: TestIndex, status: Int32 = 74, _ what: String, replacing: Bool = true
    ) throws {
        let before = try Data(contentsOf: URL(fileURLWithPath: index.path))
        let corpus = try index.file([#"{"_id": "n", "text": "t"}"#], "more.jsonl")
        let commands = IndexDamageTests.commands(index.path, corpus: corpus)
        for command in replacing ? commands : commands.dropLast() {
            let output = try Resift.run(command)
            expectError(output, status: status, what)
            let after = try Data(contentsOf: URL(fileURLWithPath: index.path))
            #expect(after == before, "\(command) wrote")
        }
        // Readers of a write-ahead log leave an empty one.
        let log = try? FileManager.default.attributesOfItem(atPath: index.path + "-wal")[.size] as? Int
        #expect(log ?? 0 == 0)
        #expect(!FileManager.default.fileExists(atPath: index.path + ".building"))
    }

    /// Writes four bytes, big endian, into SQLite's header.
    private func setHeader(_ index: TestIndex, _ offset: Int, _ value: UInt32) throws {
        try index.folder.editBytes(index.path) { bytes in
            for place in 0..<4 { bytes[offset + place] = UInt8(value >> (24 - 8 * place) & 0xFF) }
        }
    }

    // MARK: Other files

    @Test("a newer and an older format version are told apart, and only a new build replaces such an index")
    func version() throws {
        let index = try TestIndex(IndexDamageTests.lines)
        // The user version stands at byte 60 of SQLite's header.
        for (version, why) in [(3, "A newer version of Resift wrote it."), (1, "An older version of Resift wrote it.")]
        {
            try setHeader(index, 60, UInt32(version))
            try expectRefused(
                index, "has the format version \(version); this program knows 2.", replacing: false)
            #expect(try index.look("info").stderr.contains("why: \(why)"))
        }
        try expectSuccess(index.build([#"{"_id": "n", "text": "t"}"#], ["--replace"]))
        try index.expectWhole(documents: 1)
    }

    @Test("another program's database stays as it is", arguments: [false, true])
    func foreignDatabase(isWAL: Bool) throws {
        let index = try TestIndex(IndexDamageTests.lines)
        // The application id stands at byte 68, the journal mode at 18 and 19: 2 for WAL.
        try setHeader(index, 68, 0x1234_5678)
        if !isWAL { try index.folder.editBytes(index.path) { ($0[18], $0[19]) = (1, 1) } }
        try expectRefused(index, "test.resift is not an index.")
        #expect(try index.look("info").stderr.contains("It is an SQLite database of another program."))
    }

    @Test("a text, an empty file and a short one are no index")
    func otherFiles() throws {
        for bytes in [Array("Dear all, this is no index at all, but a letter.".utf8), [], Array("SQLite for".utf8)] {
            let index = try TestIndex()
            try index.folder.write("test.resift", bytes)
            try expectRefused(index, "test.resift is not an index.")
        }
    }

    @Test("a directory and a missing file are named as what they are")
    func directory() throws {
        let index = try TestIndex()
        let corpus = try index.file([#"{"_id": "n", "text": "t"}"#])
        for command in IndexDamageTests.commands(index.path, corpus: corpus).dropLast() {
            expectError(try Resift.run(command), status: 66, "There is no index \(index.path)")
        }
        try FileManager.default.createDirectory(atPath: index.path, withIntermediateDirectories: false)
        for command in IndexDamageTests.commands(index.path, corpus: corpus) {
            let output = try Resift.run(command)
            #expect([65, 66, 74].contains(output.status), "\(command): \(output.stderr)")
            expectError(output, status: output.status, "is not an index")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: index.path) == [])
        let nowhere = index.folder.path + "/none/x.resift"
        let output = try index.run("build", [corpus, "--output", nowhere])
        #expect([66, 73].contains(output.status))
        expectError(output, status: output.status, "x.resift")
    }

    // MARK: Damage

    @Test(
        "after random damage every command ends with a status, and what verify calls whole ranks as before",
        arguments: 0..<12)
    func damage(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let index = try TestIndex(IndexDamageTests.lines)
        try expectSuccess(index.delete(["d3", "d77"]))
        let whole = try Data(contentsOf: URL(fileURLWithPath: index.path))
        let corpus = try index.file([#"{"_id": "n", "text": "river"}"#], "more.jsonl")
        let search = ["river w3 u12", "--no-rerank", "--limit", "50", "--format", "trec", "--filter", "year > 3"]
        let ranking = try expectSuccess(Resift.run(["search", "--index", index.path] + search)).stdout
        for _ in 0..<4 {
            var bytes = whole
            if random.oneIn(4) {
                bytes = bytes.prefix(random.int(in: 1...bytes.count - 1))
            } else {
                for _ in 0..<random.int(in: 1...8) {
                    bytes[random.int(in: 0...bytes.count - 1)] ^= UInt8(random.int(in: 1...255))
                }
            }
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: index.path + suffix) }
            try bytes.write(to: URL(fileURLWithPath: index.path))
            let verified = try index.look("verify")
            let found = try Resift.run(["search", "--index", index.path] + search)
            let outputs =
                try [verified, found] + [
                    index.look("info"), index.run("delete", ["d5", "--index", index.path]),
                    index.run("add", [corpus, "--index", index.path]), index.look("compact"), index.look("verify"),
                ]
            for output in outputs {
                #expect([0, 65, 66, 73, 74].contains(output.status), "\(output.status): \(output.stderr)")
                #expect(output.status == 0 || output.stderr.hasPrefix("error: ") || output.stdout.contains("damaged"))
            }
            if verified.status == 0 { #expect(found.stdout == ranking) }
        }
    }

    // MARK: Full disks

    private static let noMount: Comment = "a small file system can be mounted by root only"

    @Test(
        "a full disk ends a command with status 73, and the index is what it was",
        .enabled(if: SmallDisk.canMount, noMount))
    func fullDisk() throws {
        let disk = try SmallDisk(kilobytes: 3_000)
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime((folder, disk)) {} }
        let path = disk.path + "/test.resift"
        let small = try folder.write("small.jsonl", IndexDamageTests.lines.joined(separator: "\n"))
        let many = (0..<20_000).map {
            #"{"_id": "m\#($0)", "text": "river u\#($0) \#(String(repeating: "v\($0) ", count: 20))"}"#
        }
        let large = try folder.write("large.jsonl", many.joined(separator: "\n"))
        try expectSuccess(Resift.run(["index", "build", small, "--output", path]))
        let gone = try folder.write("gone.txt", (0..<300).map { "d\($0)" }.joined(separator: "\n"))

        func search() throws -> [String] {
            try expectSuccess(
                Resift.run(["search", "river", "--index", path, "--no-rerank", "--limit", "999", "--format", "trec"])
            ).lines
        }
        let before = try search()
        #expect(before.count == 400)
        for command in [
            ["index", "add", large, "--index", path], ["index", "build", large, "--output", path, "--replace"],
        ] {
            expectError(try Resift.run(command), status: 73, disk.path)
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + ".building" + suffix)
            }
            #expect(try Resift.run(["index", "verify", path]).status == 0)
            #expect(try search() == before)
        }
        // Room for the deletion, none for the copy that compacting makes.
        try expectSuccess(Resift.run(["index", "delete", "--ids", gone, "--index", path]))
        let after = try search()
        try disk.fill()
        let compacted = try Resift.run(["index", "compact", path])
        expectError(compacted, status: 73, disk.path)
        let deleted = try Resift.run(["index", "delete", "d350", "--index", path])
        expectError(deleted, status: 73, disk.path)
        try disk.makeRoom()
        #expect(try Resift.run(["index", "verify", path]).status == 0)
        #expect(try search() == after)
        try expectSuccess(Resift.run(["index", "compact", path]))
        #expect(try search() == after)
    }
}

/// A file system in memory with little room.
private final class SmallDisk {
    let path: String
    private let folder: TemporaryFolder

    static let canMount = (try? SmallDisk(kilobytes: 64)) != nil

    init(kilobytes: Int) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try SmallDisk.run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path])
    }

    deinit { try? SmallDisk.run("umount", ["-l", path]) }

    /// Takes all the room that is left.
    func fill() throws {
        try Data().write(to: URL(fileURLWithPath: path + "/filler"))
        let filler = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/filler"))
        let block = Data(repeating: 0, count: 4_096)
        while (try? filler.write(contentsOf: block)) != nil {}
        try filler.close()
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: path + "/filler") }

    private static func run(_ command: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteNoPermission) }
    }
}
