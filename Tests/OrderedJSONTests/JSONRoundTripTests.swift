import OrderedJSON
import TestSupport
import Testing

@Suite("What is written is read back the same")
struct JSONRoundTripTests {
    @Test("compact is one line with a space after each colon and comma; pretty is indented by two spaces")
    func layout() throws {
        let value = try JSONValue.parse(Array(#"{"a":[1,{"b":null}],"c":{},"d":[]}"#.utf8))
        #expect(value.compact == #"{"a": [1, {"b": null}], "c": {}, "d": []}"#)
        let expected = """
            {
              "a": [
                1,
                {
                  "b": null
                }
              ],
              "c": {},
              "d": []
            }
            """
        #expect(value.pretty == expected)
    }

    @Test("quotes, backslashes and control characters are escaped, nothing else is")
    func escapes() {
        #expect(
            JSONValue.string("\"\\/\n\r\t\u{0}\u{1F}\u{7F}é🙂").compact == "\"\\\"\\\\/\\n\\r\\t\\u0000\\u001f\u{7F}é🙂\""
        )
    }

    @Test("a random value survives compact and pretty", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let value = randomValue(&random, depth: 0)
        #expect(try JSONValue.parse(Array(value.compact.utf8)) == value)
        #expect(try JSONValue.parse(Array(value.pretty.utf8)) == value)
        #expect(!value.compact.contains("\n"))
        #expect(try JSONValue.parse(Array(value.pretty.utf8)).compact == value.compact)
    }

    @Test(
        "changed bytes never crash the parser; what it still reads, it writes and reads again",
        arguments: 0..<200 as Range<UInt64>)
    func mutations(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let original = Array(randomValue(&random, depth: 0).pretty.utf8) + Array(#"["\ud83d\ude42", 1e5]"#.utf8)
        for _ in 0..<50 {
            var bytes = original
            for _ in 0..<random.int(in: 1...4) where !bytes.isEmpty {
                let place = random.int(in: 0...bytes.count - 1)
                switch random.int(in: 0...3) {
                case 0: bytes[place] = UInt8(random.int(in: 0...255))
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(random.pick(Array("{}[]\",:\\u-.eE019 \n".utf8)), at: place)
                default: bytes.removeLast(bytes.count - place)
                }
            }
            switch Result(catching: { () throws(JSONError) in try JSONValue.parse(bytes) }) {
            case .success(let value): #expect((try? JSONValue.parse(Array(value.compact.utf8))) == value)
            case .failure(let error):
                #expect((0...bytes.count).contains(error.byteOffset) && error.line >= 1 && error.column >= 1)
            }
        }
    }

    private func randomValue(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch random.int(in: depth < 4 ? 0...7 : 0...5) {
        case 0: return .null
        case 1: return .bool(random.oneIn(2))
        case 2: return .number(JSONNumber(Int(truncatingIfNeeded: random.next())))
        case 3: return JSONNumber(Double(bitPattern: random.next())).map(JSONValue.number) ?? .null
        case 4, 5: return .string(randomText(&random))
        case 6:
            let count = random.int(in: 0...6)
            return .array((0..<count).map { _ in randomValue(&random, depth: depth + 1) })
        default:
            var object = JSONObject()
            // Some larger than the 16 keys from which an object keeps an index.
            for _ in 0..<random.int(in: 0...(random.oneIn(4) ? 40 : 5)) {
                object[randomText(&random)] = randomValue(&random, depth: depth + 3)
            }
            return .object(object)
        }
    }

    private func randomText(_ random: inout SeededGenerator) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "b", "z", "0", " ", "\"", "\\", "/", "\n", "\r", "\t", "\0", "\u{1F}", "\u{7F}", "é", "e", "\u{301}",
            "東",
            "\u{2028}", "\u{FEFF}", "\u{FFFD}", "\u{FFFF}", "🙂", "\u{10FFFF}",
        ]
        return random.text(of: scalars, count: 0...12)
    }
}
