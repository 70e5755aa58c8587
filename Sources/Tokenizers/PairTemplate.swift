import OrderedJSON
import Ranking

/// Where special tokens go around one text, or around two: the post-processor of a tokenizer.json.
struct PairTemplate: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case special(Int32, typeID: Int32)
        case first(typeID: Int32)
        case second(typeID: Int32)
    }

    private enum Kind: String, CaseIterable {
        case template = "TemplateProcessing"
        case bert = "BertProcessing"
        case roberta = "RobertaProcessing"
        /// Only corrects offsets.
        case byteLevel = "ByteLevel"
    }

    /// Far above any real template.
    private static let maxParts = 1_024

    var single: [Part] = [.first(typeID: 0)]
    var pair: [Part] = [.first(typeID: 0), .second(typeID: 1)]

    init(_ file: JSONObject, source: String) throws(RankingError) {
        let parts = try TokenizerFile.flattened(
            "post_processor", members: "processors", file, as: Kind.self, source: source
        ).filter { $0.kind != .byteLevel }
        guard let (kind, config) = parts.first else { return }
        guard parts.count == 1 else {
            throw TokenizerFile.unsupported(
                "\(source) has \(parts.count) post_processors that add special tokens.", supported: ["one of them"])
        }
        switch kind {
        case .byteLevel: break
        case .template:
            let specials = try PairTemplate.specialIDs(config, source: source)
            single = try PairTemplate.parts(config["single"], specials, "single", source: source)
            pair = try PairTemplate.parts(config["pair"], specials, "pair", source: source)
            guard PairTemplate.textCounts(single) == (1, 0), PairTemplate.textCounts(pair) == (1, 1) else {
                throw FieldReader(config, source: source).corrupt(
                    "has a post_processor that does not place A once in single, and A and B once each in pair")
            }
        case .bert, .roberta:
            let sep = try PairTemplate.tokenAndID(config["sep"], "sep", source: source)
            let cls = try PairTemplate.tokenAndID(config["cls"], "cls", source: source)
            single = [.special(cls, typeID: 0), .first(typeID: 0), .special(sep, typeID: 0)]
            pair =
                kind == .bert
                ? single + [.second(typeID: 1), .special(sep, typeID: 1)]
                // RoBERTa has two separators, and one type.
                : single + [.special(sep, typeID: 0), .second(typeID: 0), .special(sep, typeID: 0)]
        }
    }

    static func specialCount(_ parts: [Part]) -> Int {
        parts.count { if case .special = $0 { true } else { false } }
    }

    /// How often the first text comes in a template, and the second.
    private static func textCounts(_ parts: [Part]) -> (Int, Int) {
        (
            parts.count { if case .first = $0 { true } else { false } },
            parts.count { if case .second = $0 { true } else { false } }
        )
    }

    /// `special_tokens`: name to ids, in the order they are inserted.
    private static func specialIDs(_ config: JSONObject, source: String) throws(RankingError) -> [String: [Int32]] {
        let reader = FieldReader(config, source: source)
        guard case .object(let specials)? = config["special_tokens"] else {
            throw reader.corrupt("has a post_processor without special_tokens")
        }
        var ids: [String: [Int32]] = [:]
        for member in specials.members {
            guard case .object(let entry) = member.value, case .array(let values)? = entry["ids"] else {
                throw reader.corrupt("has a special token \"\(member.key)\" without ids")
            }
            var list: [Int32] = []
            for value in values {
                guard let id = TokenizerFile.id(value) else {
                    throw reader.corrupt("has a special token \"\(member.key)\" with something else than an id")
                }
                list.append(id)
            }
            ids[member.key] = list
        }
        return ids
    }

    private static func parts(
        _ value: JSONValue?, _ specials: [String: [Int32]], _ name: String, source: String
    ) throws(RankingError) -> [Part] {
        let reader = FieldReader(JSONObject(), source: source)
        guard case .array(let items)? = value else { throw reader.corrupt("has a post_processor without \(name)") }
        var parts: [Part] = []
        for item in items {
            guard case .object(let piece) = item, let member = piece.members.first,
                case .object(let entry) = member.value
            else {
                throw reader.corrupt("has a part of \(name) that is no object")
            }
            let fields = FieldReader(entry, source: "\(source), \(name),")
            let typeID = Int32(try fields.integer("type_id", in: 0...1_023, default: 0))
            switch (member.key, try fields.string("id")) {
            case ("Sequence", "A"): parts.append(.first(typeID: typeID))
            case ("Sequence", "B"): parts.append(.second(typeID: typeID))
            case ("SpecialToken", let token):
                guard let ids = specials[token] else {
                    throw reader.corrupt("names \"\(token)\" in \(name), but not in special_tokens")
                }
                // Parts times ids of each: a file of a few megabytes could ask for more tokens than memory holds.
                guard parts.count + ids.count <= maxParts else {
                    throw reader.corrupt("has a \(name) of more than \(maxParts) special tokens")
                }
                parts += ids.map { .special($0, typeID: typeID) }
            default:
                throw reader.corrupt(
                    "has a part \"\(member.key)\" in \(name) that is neither Sequence nor SpecialToken")
            }
        }
        return parts
    }

    /// `["[SEP]", 102]`.
    private static func tokenAndID(_ value: JSONValue?, _ name: String, source: String) throws(RankingError) -> Int32 {
        guard case .array(let items)? = value, items.count == 2, let id = TokenizerFile.id(items[1]) else {
            throw FieldReader(JSONObject(), source: source).corrupt("has a post_processor without \(name) and its id")
        }
        return id
    }
}
