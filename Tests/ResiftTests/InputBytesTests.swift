import Ranking
import Resift
import TestSupport
import Testing

@Suite("Files are read whole")
struct InputBytesTests {
    @Test(
        "a file's bytes are read as they are, but for a byte order mark in front",
        arguments: [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
    func bytes(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let folder = try TemporaryFolder()
        // The first byte is neither of a byte order mark nor of gzip.
        let bytes = (0..<count).map { $0 == 0 ? 0x61 : UInt8(truncatingIfNeeded: random.next()) }
        let path = try folder.write("file", bytes)
        #expect(try InputBytes.read(path: path).bytes == bytes)
        #expect(try InputBytes.read(path: path).name == path)
        try folder.write("file", [0xEF, 0xBB, 0xBF] + bytes)
        #expect(try InputBytes.read(path: path).bytes == bytes)
    }

    @Test("a file that is not there, and a directory, are errors that say so")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: RankingError.self) { try InputBytes.read(path: folder.path + "/none.jsonl") }
        #expect(missing?.code == .notFound)
        #expect(missing?.what == "\(folder.path)/none.jsonl cannot be read.")
        #expect(missing?.why == "No such file or directory.")
        let directory = #expect(throws: RankingError.self) { try InputBytes.read(path: folder.path) }
        #expect(directory?.code == .notFound)
        #expect(directory?.why == "Is a directory.")
    }

    @Test("a gzip file is an error that says how to read it")
    func gzip() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("documents.jsonl.gz", [0x1F, 0x8B, 0x08, 0x00])
        let error = #expect(throws: RankingError.self) { try InputBytes.read(path: path) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "\(path) is compressed with gzip.")
        #expect(error?.fix.hasPrefix("Pipe it in: gunzip -c") == true)
    }
}
