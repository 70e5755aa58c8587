import NIOCore
import TestSupport
import Testing

@testable import ScoreCaches

@Suite("Replies of a Redis server are read from any pieces, within limits")
struct RESPParserTests {
    private func text(_ text: String) -> RESPValue { .string(Array(text.utf8)) }

    private func read(_ bytes: [UInt8], pieces: Int) throws -> [RESPValue] {
        var parser = RESPParser()
        var buffer = ByteBuffer()
        var values: [RESPValue] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            buffer.writeBytes(bytes[start..<min(start + pieces, bytes.count)])
            while let value = try parser.next(&buffer) { values.append(value) }
            buffer.discardReadBytes()
        }
        return values
    }

    @Test("every type of RESP2 and RESP3", arguments: [1, 2, 3, 7, 1_000])
    func types(pieces: Int) throws {
        let bytes =
            "+OK\r\n-ERR no\r\n:-12\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n*2\r\n$1\r\nx\r\n*-1\r\n*0\r\n"
            + "_\r\n#t\r\n#f\r\n,1.5\r\n(123456789012345678901234567890\r\n!5\r\nERR x\r\n=7\r\ntxt:abc\r\n"
            + "%1\r\n+k\r\n:1\r\n~1\r\n+m\r\n>2\r\n+message\r\n+hello\r\n|1\r\n+ttl\r\n:3\r\n*1\r\n|0\r\n:7\r\n"
        let expected: [RESPValue] = [
            text("OK"), .error("ERR no"), .integer(-12), text("a\r\n"), .null, text(""), .array([text("x"), .null]),
            .array([]), .null, .integer(1), .integer(0), text("1.5"), text("123456789012345678901234567890"),
            .error("ERR x"), text("txt:abc"), .array([text("k"), .integer(1)]), .array([text("m")]),
            .push([text("message"), text("hello")]), .array([.integer(7)]),
        ]
        #expect(try read(Array(bytes.utf8), pieces: pieces) == expected)
    }

    @Test("what breaks the protocol or a limit is an error, whatever a reply claims about its size")
    func limits() {
        for bytes in [
            "hello\r\n", "\r\n", "+OK\n", ":1x\r\n", "$5\r\nabcdefg\r\n", "$-2\r\n", "$99999999999999999999\r\n",
            "$3000000\r\n", "*70000\r\n", "*-2\r\n", "%40000\r\n", "#x\r\n", "%-1\r\n",
            String(repeating: "*1\r\n", count: 9), "+" + String(repeating: "a", count: 5_000),
            String(repeating: "|1\r\n+a\r\n+b\r\n", count: 40_000),
        ] {
            #expect(throws: RESPParser.Malformed.self, "\(bytes.prefix(20))") {
                try read(Array(bytes.utf8), pieces: 4_096)
            }
        }
    }

    private func value(_ random: inout SeededGenerator, depth: Int) -> RESPValue {
        switch random.int(in: 0...(depth > 3 ? 3 : 5)) {
        case 0: .null
        case 1: .integer(Int64(random.int(in: -1_000...1_000)))
        case 2: .error("ERR \(random.int(in: 0...9))")
        case 3: .string((0..<random.int(in: 0...20)).map { _ in UInt8(random.int(in: 0...255)) })
        default: .array((0..<random.int(in: 0...4)).map { _ in value(&random, depth: depth + 1) })
        }
    }

    private func bytes(of value: RESPValue) -> [UInt8] {
        switch value {
        case .null: Array("$-1\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .string(let string): Array("$\(string.count)\r\n".utf8) + string + [13, 10]
        case .array(let values): Array("*\(values.count)\r\n".utf8) + values.flatMap(bytes)
        case .push(let values): Array(">\(values.count)\r\n".utf8) + values.flatMap(bytes)
        }
    }

    @Test("what was written is read, however it was cut", arguments: 0..<100 as Range<UInt64>)
    func property(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let values = (0..<5).map { _ in value(&random, depth: 0) }
        #expect(try read(values.flatMap(bytes), pieces: random.int(in: 1...40)) == values)
    }

    @Test("bytes that were changed are read to an end or refused", arguments: 0..<200 as Range<UInt64>)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = (0..<6).flatMap { _ in self.bytes(of: value(&random, depth: 0)) }
        for _ in 0..<random.int(in: 1...6) {
            let place = random.int(in: 0...(bytes.count - 1))
            switch random.int(in: 0...2) {
            case 0: bytes[place] = UInt8(random.int(in: 0...255))
            case 1: bytes.insert(random.pick(Array("*$:+-%~>|_#,(!=\r\n019".utf8)), at: place)
            default: if bytes.count > 1 { bytes.remove(at: place) }
            }
        }
        let whole = Result { try read(bytes, pieces: bytes.count) }
        let pieces = Result { try read(bytes, pieces: random.int(in: 1...7)) }
        // Cutting changes nothing but how much of it is known before an error.
        switch (whole, pieces) {
        case (.success(let a), .success(let b)): #expect(a == b)
        case (.failure, .failure): break
        default: Issue.record("cutting changed the outcome")
        }
    }
}
