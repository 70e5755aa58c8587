import OrderedJSON
import Yams

/// The YAML block in front of a Markdown file, between a line "---" and a line "---" or "...".
enum FrontMatter {
    /// The block's fields and how many lines it takes; nil where the file does not begin with a YAML mapping.
    ///
    /// A file may begin with a line "---" that is a rule across the page, so that what does not parse as a mapping is
    /// text, and nothing is lost.
    static func read(_ lines: [Substring]) -> (fields: JSONObject, lines: Int)? {
        guard lines.first?.trimmingSpace == "---" else { return nil }
        guard
            let end = lines.dropFirst().prefix(maxLines).firstIndex(where: {
                ["---", "..."].contains($0.trimmingSpace)
            })
        else { return nil }
        let yaml = lines[1..<end].joined(separator: "\n")
        guard yaml.utf8.count <= maxBytes, let node = try? Yams.compose(yaml: yaml) else { return nil }
        var reader = YAMLReader()
        guard case .object(let fields)? = reader.value(node, depth: 0) else { return nil }
        return (fields, end + 1)
    }

    private static let maxLines = 1_000
    private static let maxBytes = 1 << 16
}

/// YAML as JSON: numbers, booleans and null as YAML's core schema has them, everything else, dates included, as text.
private struct YAMLReader {
    /// An alias is written once and read many times: a file of some lines could stand for billions of values.
    private var budget = 10_000

    /// Nil where the value is too large or too deep.
    mutating func value(_ node: Node, depth: Int) -> JSONValue? {
        budget -= 1
        guard budget > 0, depth < 64 else { return nil }
        switch node {
        case .scalar(let scalar): return self.scalar(scalar, node)
        case .sequence(let sequence):
            var items: [JSONValue] = []
            for item in sequence {
                guard let item = value(item, depth: depth + 1) else { return nil }
                items.append(item)
            }
            return .array(items)
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, item) in mapping {
                guard case .scalar(let key) = key, let item = value(item, depth: depth + 1) else { return nil }
                object[key.string] = item
            }
            return .object(object)
        case .alias: return nil
        }
    }

    private func scalar(_ scalar: Node.Scalar, _ node: Node) -> JSONValue {
        guard scalar.style == .plain else { return .string(scalar.string) }
        if node.null != nil { return .null }
        switch scalar.string {
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        // A number only where JSON writes it the same way: 007 and 1_000 are text.
        if case .number(let number)? = try? JSONValue.parse(Array(scalar.string.utf8)) { return .number(number) }
        return .string(scalar.string)
    }
}
