import OrderedJSON
import TestSupport
import Testing

@Suite("Objects keep the order of their keys")
struct JSONObjectTests {
    @Test("a key that comes twice keeps its first place and takes its last value")
    func duplicateKeys() throws {
        let value = try JSONValue.parse(Array(#"{"a": 1, "b": 2, "a": 3}"#.utf8))
        #expect(value.compact == #"{"a": 3, "b": 2}"#)
    }

    @Test("a key that comes twice is an error at its second place where that is asked for")
    func rejectedDuplicateKeys() {
        let error = #expect(throws: JSONError.self) {
            try JSONValue.parse(Array(#"{"a": 1, "b": {"a": 2}, "a": 3}"#.utf8), rejectDuplicateKeys: true)
        }
        #expect(error?.message == "the key \"a\" comes twice")
        // {"a": 1, "b": {"a": 2}, and a space are 24 characters.
        #expect(error?.byteOffset == 24)
        #expect(error?.column == 25)
    }

    @Test("keys that only look alike are different keys: é is C3 A9, or 65 CC 81")
    func canonicallyEquivalentKeys() throws {
        let text = "{\"\u{E9}\": 1, \"e\u{301}\": 2}"
        _ = try JSONValue.parse(Array(text.utf8), rejectDuplicateKeys: true)
        let object = try JSONObject(parsing: text)
        #expect(object.members.count == 2)
        #expect(object["\u{E9}"] == .number(JSONNumber(1)))
        #expect(object["e\u{301}"] == .number(JSONNumber(2)))
    }

    @Test("objects are equal if they have the same members in the same order")
    func equality() throws {
        let first = try JSONValue.parse(Array(#"{"a": 1, "b": 2}"#.utf8))
        let second = try JSONValue.parse(Array(#"{"b": 2, "a": 1}"#.utf8))
        #expect(first != second)
        #expect(first == .object(JSONObject([("a", 1), ("b", 2)])))
    }

    @Test(
        "setting, replacing and removing keys agrees with a list of pairs, up to 60 keys",
        arguments: 0..<20 as Range<UInt64>)
    func againstList(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Look-alike pairs are among the keys.
        let keys = (0..<28).map { "key\($0)" } + (0..<15).flatMap { ["\u{E9}\($0)", "e\u{301}\($0)"] } + ["", "\0"]
        var object = JSONObject()
        var list: [(key: String, value: Int)] = []
        for step in 0..<400 {
            let key = random.pick(keys)
            let place = list.firstIndex { Array($0.key.utf8) == Array(key.utf8) }
            if random.oneIn(3) {
                object[key] = nil
                if let place { list.remove(at: place) }
            } else {
                object[key] = .number(JSONNumber(step))
                if let place { list[place].value = step } else { list.append((key, step)) }
            }
            #expect(object == JSONObject(list.map { ($0.key, $0.value) }))
            for key in keys {
                let expected = list.first { Array($0.key.utf8) == Array(key.utf8) }?.value
                #expect(object[key] == expected.map { .number(JSONNumber($0)) })
            }
        }
        #expect(object.keys.count == list.count)
    }
}

extension JSONObject {
    /// By parsing, so that a member set by subscript is compared with one that was read.
    fileprivate init(_ pairs: [(String, Int)]) {
        let text = "{" + pairs.map { "\(JSONValue.string($0.0).compact): \($0.1)" }.joined(separator: ",") + "}"
        guard case .object(let object)? = try? JSONValue.parse(Array(text.utf8)) else {
            self.init()
            return
        }
        self = object
    }
}
