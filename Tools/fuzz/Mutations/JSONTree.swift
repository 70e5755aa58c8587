package import OrderedJSON

/// JSON as text with structure: keys may repeat and a leaf may be any text, so that what a parser must refuse can be
/// written too.
package enum JSONTree: Sendable {
    /// A literal as it is written, quotes included.
    case leaf(String)
    case array([JSONTree])
    /// Keys as they are written, quotes included.
    case object([Member])

    package struct Member: Sendable {
        package var key: String
        package var value: JSONTree

        package init(_ key: String, _ value: JSONTree) {
            self.key = key
            self.value = value
        }
    }

    package init(_ value: JSONValue) {
        switch value {
        case .array(let items): self = .array(items.map(JSONTree.init))
        case .object(let object):
            self = .object(object.members.map { Member(JSONValue.string($0.key).compact, JSONTree($0.value)) })
        default: self = .leaf(value.compact)
        }
    }

    package var text: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    private func write(to out: inout [UInt8]) {
        switch self {
        case .leaf(let text): out.append(contentsOf: text.utf8)
        case .array(let items):
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                item.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                out.append(contentsOf: member.key.utf8)
                out.append(UInt8(ascii: ":"))
                member.value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }
}

/// Damage that keeps most of a JSON text valid: numbers, strings, keys and structure change places and values.
package enum JSONMutations {
    package static func mutate(_ tree: inout JSONTree, _ random: inout SplitMix64) {
        for _ in 0...random.index(3) { once(&tree, &random) }
    }

    /// Walks down at random. A table of a thousand tokens is met as often as a single flag beside it.
    private static func once(_ tree: inout JSONTree, _ random: inout SplitMix64) {
        switch tree {
        case .leaf(let text): tree = leaf(instead: text, &random)
        case .array(var items):
            if !items.isEmpty, !random.oneIn(4) {
                once(&items[random.index(items.count)], &random)
            } else {
                list(&items, &random) { anything(&$0) }
            }
            tree = random.oneIn(40) ? anything(&random) : .array(items)
        case .object(var members):
            if !members.isEmpty, !random.oneIn(4) {
                once(&members[random.index(members.count)].value, &random)
            } else if members.count > 1, random.oneIn(3) {
                let (a, b) = (random.index(members.count), random.index(members.count))
                if random.oneIn(2) {
                    (members[a].key, members[b].key) = (members[b].key, members[a].key)
                } else if random.oneIn(2) {
                    (members[a].value, members[b].value) = (members[b].value, members[a].value)
                } else {
                    members[a].key = members[b].key
                }
            } else {
                list(&members, &random) { JSONTree.Member($0.pick(strings), anything(&$0)) }
            }
            tree = random.oneIn(40) ? anything(&random) : .object(members)
        }
    }

    private static func list<Item>(
        _ items: inout [Item], _ random: inout SplitMix64, new: (inout SplitMix64) -> Item
    ) {
        let at = random.index(items.count)
        switch random.index(6) {
        case 0: if !items.isEmpty { items.remove(at: at) }
        case 1: if !items.isEmpty { items.insert(items[at], at: random.index(items.count)) }
        case 2: items.insert(new(&random), at: at)
        case 3: if !items.isEmpty { items.swapAt(at, random.index(items.count)) }
        case 4:
            if !items.isEmpty { items.append(contentsOf: repeatElement(items[at], count: random.index(12))) }
        default: items.removeSubrange(random.range(in: items.count, longest: items.count))
        }
    }

    private static func leaf(instead text: String, _ random: inout SplitMix64) -> JSONTree {
        if let value = Int(text), random.oneIn(2) {
            let delta = random.pick([-1, 1, 2, 0 &- value, value, 1 << 20])
            return .leaf(String(value &+ delta))
        }
        if text.hasPrefix("\""), random.oneIn(3) {
            return .leaf("\"" + String(text.dropFirst().dropLast().shuffled(using: &random)) + "\"")
        }
        return anything(&random)
    }

    private static func anything(_ random: inout SplitMix64) -> JSONTree {
        switch random.index(10) {
        case 0...4: return .leaf(random.pick(numbers))
        case 5...6: return .leaf(random.pick(strings))
        case 7: return .leaf(random.pick(["null", "true", "false"]))
        case 8: return random.oneIn(2) ? .array([]) : .object([])
        default:
            // Around the parser's limit of 512, and far above it.
            let depth = random.pick([1, 2, 500, 511, 512, 513, 20_000])
            let (open, close) = random.oneIn(2) ? ("[", "]") : ("{\"a\":", "}")
            return .leaf(String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth))
        }
    }

    private static let numbers = [
        "0", "-0", "1", "-1", "2", "3", "7", "48", "1.0", "1.5", "1e3", "1e400", "-1e400", "1e-400", "0.1e1", "65535",
        "65536", "65537", "1048576", "16777215", "16777216", "2147483647", "2147483648", "-2147483648", "4294967295",
        "4294967296", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551615", "18446744073709551616", "1000000000000000019884624838656",
        "00", "+1", "1.", ".5", "NaN", "Infinity", "0x10",
    ]
    private static let strings = [
        "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"", "\"e\\u0301\"", "\"é\"",
        "\"../x\"", "\"/dev/zero\"", "\".\"", "\"F32\"", "\"F16\"", "\"BF16\"", "\"I8\"", "\"I64\"", "\"BOOL\"",
        "\"F8_E4M3\"", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"type\"", "\"id\"",
        "\"BertModel\"", "\"BertForSequenceClassification\"", "\"gelu\"", "\"gelu_new\"", "\"relu\"",
        "\"relative_key\"", "\"WordPiece\"", "\"BPE\"", "\"Unigram\"", "\"BertProcessing\"",
        "\"RobertaProcessing\"", "\"ByteLevel\"", "\"NFKC\"", "\"Whitespace\"", "\"Digits\"", "\"first\"",
        "\"MergedWithNext\"",
        "\" {2,}\"", "\"[^\\\\s]+\"", "\"AAAA\"", "\"▁\"", "\"<0x0A>\"", "\"Ġ\"", "\"A\"", "\"B\"", "\"Sequence\"",
        "\"SpecialToken\"", "\"[CLS]\"", "\"[SEP]\"", "\"[UNK]\"", "\"##\"", "\"##a\"", "\"a\"", "\" \"", "\"\\n\"",
        "\"" + String(repeating: "a", count: 70_000) + "\"", "\"" + String(repeating: "é", count: 3_000) + "\"",
    ]
}
