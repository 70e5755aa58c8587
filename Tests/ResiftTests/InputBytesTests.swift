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

    @Test("gzip is recognised by its first bytes, whatever the name; several members are one text")
    func gzip() throws {
        let folder = try TemporaryFolder()
        let members = Gzip.compress(Array("one\ntw".utf8)) + Gzip.compress(Array("o\n".utf8))
        #expect(try InputBytes.read(path: folder.write("plain.txt", members)).bytes == Array("one\ntwo\n".utf8))
        // Zero bytes behind the last member are padding.
        let padded = members + [UInt8](repeating: 0, count: 1_000)
        #expect(try InputBytes.read(path: folder.write("padded", padded)).bytes == Array("one\ntwo\n".utf8))
        #expect(try InputBytes.read(path: folder.write("empty", Gzip.compress([]))).bytes.isEmpty)
    }

    @Test("what is compressed comes back, also where it takes many blocks", arguments: [1, 1 << 18, 3_000_000])
    func gzipRoundTrip(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() & 0x3F) | 0x40 }
        let folder = try TemporaryFolder()
        #expect(try InputBytes.read(path: folder.write("file.gz", Gzip.compress(bytes))).bytes == bytes)
    }

    @Test("gzip that is cut off, changed, or followed by something else is an error that names the place")
    func damagedGzip() throws {
        let folder = try TemporaryFolder()
        let whole = Gzip.compress(Array(repeating: UInt8(ascii: "a"), count: 10_000))
        for count in 2..<whole.count {
            let path = try folder.write("cut.gz", Array(whole.prefix(count)))
            let error = #expect(throws: RankingError.self) { try InputBytes.read(path: path) }
            #expect(error?.code == .corruptFile)
            #expect(error?.what.hasPrefix("\(path) is cut off") == true)
            #expect(error?.what.hasSuffix("near byte \(count) of the compressed file.") == true)
        }
        var changed = whole
        changed[whole.count - 6] ^= 1
        let path = try folder.write("changed.gz", changed)
        let error = #expect(throws: RankingError.self) { try InputBytes.read(path: path) }
        #expect(error?.what.hasPrefix("\(path) has damaged gzip data (incorrect data check), near byte ") == true)
        let followed = try folder.write("followed.gz", whole + Array("more".utf8))
        #expect(throws: RankingError.self) { try InputBytes.read(path: followed) }
        let afterPadding = try folder.write("padding.gz", whole + [0, 0] + Array("more".utf8))
        #expect(throws: RankingError.self) { try InputBytes.read(path: afterPadding) }
    }
}
