import OrderedJSON

extension Document {
    /// The text that a model reads for this document.
    ///
    /// - A plain text is read as it is.
    /// - An object is read as its `title` and `text`, joined by a space as BEIR does, where these are strings; an
    ///   object with neither is read as all its fields but `id` and `_id`.
    /// - With `rankFields`, an object is read as these fields, in this order; a field that it lacks is left out.
    ///
    /// Fields are written one a line, in a form like YAML without quotes: `key: value`; a text of several lines
    /// starts on the next line, indented by two spaces, as do objects; lists have `- ` before each item. A null or an
    /// empty text is left out.
    ///
    /// Throws `invalidInput` for a structured document that has none of the `rankFields`.
    public func text(rankFields: [String]? = nil) throws(RankingError) -> String {
        switch content {
        case .text(let text): return text
        case .fields(let fields):
            guard let rankFields else { return Document.defaultText(of: fields) }
            let present = rankFields.compactMap { key in fields[key].map { (key, $0) } }
            guard !present.isEmpty else {
                throw RankingError(
                    .invalidInput,
                    what:
                        "A document\(id.map { " (id \"\($0)\")" } ?? "") has none of the fields \(rankFields.joined(separator: ", ")).",
                    why: "It has \(fields.keys.isEmpty ? "no fields" : fields.keys.joined(separator: ", ")).",
                    fix: "Name fields that every document has, or leave the rank fields out.")
            }
            return FieldRenderer.render(present)
        }
    }

    private static func defaultText(of fields: JSONObject) -> String {
        let parts = ["title", "text"].compactMap { key -> String? in
            guard case .string(let value)? = fields[key] else { return nil }
            return value
        }
        if !parts.isEmpty { return parts.filter { !$0.isEmpty }.joined(separator: " ") }
        return FieldRenderer.render(fields.members.filter { !idKeys.contains($0.key) }.map { ($0.key, $0.value) })
    }
}

private struct FieldRenderer {
    private var lines: [String] = []

    static func render(_ fields: [(String, JSONValue)]) -> String {
        var renderer = FieldRenderer()
        renderer.append(fields, indent: "")
        return renderer.lines.joined(separator: "\n")
    }

    private mutating func append(_ fields: [(String, JSONValue)], indent: String) {
        for (key, value) in fields { append(value, after: indent + key + ":", indent: indent + "  ") }
    }

    /// `prefix` is what stands before the value: "key:" or "-".
    private mutating func append(_ value: JSONValue, after prefix: String, indent: String) {
        switch value {
        case .null, .string(""): return
        case .bool(let flag): lines.append("\(prefix) \(flag)")
        case .number(let number): lines.append("\(prefix) \(number)")
        case .string(let text):
            // "\r\n" is one Character.
            let parts = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
            if parts.count == 1 {
                lines.append("\(prefix) \(text)")
            } else {
                lines.append(prefix)
                lines += parts.map { $0.isEmpty ? "" : indent + $0 }
            }
        case .array(let items):
            lines.append(prefix)
            for item in items { append(item, after: indent + "-", indent: indent + "  ") }
        case .object(let object):
            lines.append(prefix)
            append(object.members.map { ($0.key, $0.value) }, indent: indent)
        }
    }
}
