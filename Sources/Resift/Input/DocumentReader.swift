import OrderedJSON
public import Ranking
public import TextFiles

/// How documents are written in a file.
public enum DocumentFormat: String, CaseIterable, Sendable {
    /// Found out from the file's name and first line.
    case auto
    /// JSON Lines: a string or an object a line. Blank lines are skipped.
    case jsonl
    /// One JSON array of strings and objects.
    case json
    /// `id<TAB>text` a line. Blank lines are skipped.
    case tsv
    /// A text a line; an empty line is an empty document.
    case lines
}

/// Reads documents, with errors that name the line.
public struct DocumentReader: Sendable {
    public var format: DocumentFormat
    public var maxLineBytes: Int

    public init(format: DocumentFormat = .auto, maxLineBytes: Int = InputBytes.defaultMaxLineBytes) {
        self.format = format
        self.maxLineBytes = maxLineBytes
    }

    /// The documents of the input, in order.
    ///
    /// Throws `invalidInput` where the input is empty, a line is broken, or two documents have one id.
    public func documents(in input: InputBytes) throws(RankingError) -> [Document] {
        guard !input.bytes.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) is empty.", why: "There is nothing to rank.",
                fix: "Give at least one document.")
        }
        let numbered: [(line: Int, document: Document)]
        let format = try resolvedFormat(input)
        switch format {
        case .json: numbered = try array(input)
        case .tsv: numbered = try eachLine(input, skippingBlank: true, tabSeparated)
        case .lines:
            numbered = try eachLine(input, skippingBlank: false) { input, line throws(RankingError) in
                Document(try input.text(line))
            }
        case .jsonl, .auto:
            numbered = try eachLine(input, skippingBlank: true) { input, line throws(RankingError) in
                try Self.document(from: Self.json(input, line), input, line: line.number)
            }
        }
        guard !numbered.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) has no documents.",
                why: format == .json ? "The array is empty." : "All its lines are blank.",
                fix: "Give at least one document.")
        }
        try refuseDuplicateIDs(numbered, input, places: format == .json ? "items" : "lines")
        return numbered.map(\.document)
    }

    private func resolvedFormat(_ input: InputBytes) throws(RankingError) -> DocumentFormat {
        guard format == .auto else { return format }
        let name = input.name.lowercased()
        if name.hasSuffix(".tsv") { return .tsv }
        if name.hasSuffix(".txt") { return .lines }
        if name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") { return .jsonl }
        let first = input.bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "\""): return .jsonl
        case UInt8(ascii: "["): return .json
        default: break
        }
        guard let line = try input.lines(maxBytes: maxLineBytes).first else { return .lines }
        return line.bytes.contains(0x09) ? .tsv : .lines
    }

    private func eachLine(
        _ input: InputBytes, skippingBlank: Bool,
        _ parse: (InputBytes, InputBytes.Line) throws(RankingError) -> Document
    ) throws(RankingError) -> [(line: Int, document: Document)] {
        var documents: [(line: Int, document: Document)] = []
        for line in try input.lines(maxBytes: maxLineBytes) where !(skippingBlank && line.isBlank) {
            documents.append((line.number, try parse(input, line)))
        }
        return documents
    }

    private func array(_ input: InputBytes) throws(RankingError) -> [(line: Int, document: Document)] {
        let value: JSONValue
        do {
            value = try JSONValue.parse(input.bytes)
        } catch {
            throw input.error(
                line: error.line, "is not valid JSON: \(error.message) at column \(error.column)",
                why: "The input begins with \"[\", so it is read as one JSON array.",
                fix: "Correct it, or name the format if it is no JSON array (--input-format lines).", cause: error)
        }
        guard case .array(let items) = value else {
            throw input.error(
                line: 1, "does not begin a JSON array", why: "The format \"json\" is one array of strings and objects.",
                fix: "Use the format \"jsonl\" for one value a line.")
        }
        var documents: [(line: Int, document: Document)] = []
        for (index, item) in items.enumerated() {
            documents.append((index, try Self.document(from: item, input, item: index)))
        }
        return documents
    }

    private func tabSeparated(_ input: InputBytes, _ line: InputBytes.Line) throws(RankingError) -> Document {
        guard let tab = line.bytes.firstIndex(of: 0x09), tab > line.bytes.startIndex else {
            throw input.error(
                line: line.number, "has no id and tab before its text", why: "It is read as id<TAB>text.",
                fix: "Correct the line, or name the format if it is another (--input-format lines).")
        }
        let text = try input.text(InputBytes.Line(number: line.number, bytes: line.bytes[(tab + 1)...]))
        return Document(text, id: try input.text(InputBytes.Line(number: line.number, bytes: line.bytes[..<tab])))
    }

    static func json(_ input: InputBytes, _ line: InputBytes.Line) throws(RankingError) -> JSONValue {
        // A JSON error in bytes that are no text would blame the wrong thing.
        _ = try input.text(line)
        do {
            return try JSONValue.parse(Array(line.bytes))
        } catch {
            throw input.error(
                line: line.number, "is not valid JSON: \(error.message) at column \(error.column)",
                why: "It is read as JSON Lines, one value a line.",
                fix: "Correct the line, or name the format if it is another (--input-format lines).", cause: error)
        }
    }

    private static func document(
        from value: JSONValue, _ input: InputBytes, line: Int? = nil, item: Int? = nil
    ) throws(RankingError) -> Document {
        switch value {
        case .string(let text): return Document(text)
        case .object(let fields): return Document(fields: fields)
        default:
            let place = item.map { "item \($0)" } ?? "line \(line ?? 1)"
            throw RankingError(
                .invalidInput, what: "\(input.name), \(place): a document is a string or an object.",
                why: "This is another kind of JSON value.", fix: "Write a string, or an object with \"text\".")
        }
    }

    private func refuseDuplicateIDs(
        _ documents: [(line: Int, document: Document)], _ input: InputBytes, places: String
    ) throws(RankingError) {
        // By bytes: strings that look alike can have different ones.
        var firstLine: [[UInt8]: Int] = [:]
        for (line, document) in documents {
            guard let id = document.id else { continue }
            if let first = firstLine.updateValue(line, forKey: Array(id.utf8)) {
                throw RankingError(
                    .invalidInput,
                    what: "\(input.name): the id \"\(id)\" appears twice, in \(places) \(first) and \(line).",
                    why: "A ranking by id would not say which of the two it means.",
                    fix: "Give each document an id of its own, or none.")
            }
        }
    }
}
