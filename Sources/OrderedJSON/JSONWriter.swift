extension JSONValue {
    /// On one line, with a space after each colon and comma.
    public var compact: String {
        var writer = JSONWriter(indentation: nil)
        writer.write(self, indent: 0)
        return writer.text
    }

    /// Indented by two spaces a level.
    public var pretty: String {
        var writer = JSONWriter(indentation: "  ")
        writer.write(self, indent: 0)
        return writer.text
    }
}

private struct JSONWriter {
    let indentation: String?
    private(set) var text = ""

    init(indentation: String?) { self.indentation = indentation }

    mutating func write(_ value: JSONValue, indent: Int) {
        switch value {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .number(let number): text += number.description
        case .string(let string): write(string)
        case .array(let items):
            list("[", items, "]", indent) { writer, item, indent in writer.write(item, indent: indent) }
        case .object(let object):
            list("{", object.members, "}", indent) { writer, member, indent in
                writer.write(member.key)
                writer.text += ": "
                writer.write(member.value, indent: indent)
            }
        }
    }

    private mutating func list<Item>(
        _ open: String, _ items: [Item], _ close: String, _ indent: Int,
        _ body: (inout JSONWriter, Item, Int) -> Void
    ) {
        text += open
        for (index, item) in items.enumerated() {
            if index > 0 { text += indentation == nil ? ", " : "," }
            newLine(indent + 1)
            body(&self, item, indent + 1)
        }
        if !items.isEmpty { newLine(indent) }
        text += close
    }

    private mutating func newLine(_ indent: Int) {
        guard let indentation else { return }
        text += "\n" + String(repeating: indentation, count: indent)
    }

    /// Escapes what JSON requires: quotes, backslashes and control characters.
    private mutating func write(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{00}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
