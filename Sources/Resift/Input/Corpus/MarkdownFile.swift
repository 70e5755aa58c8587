import OrderedJSON

/// Markdown, read as it is written: its marks disturb neither BM25, which drops them, nor models, which know them.
///
/// Only a block of front matter is taken out: it is the file's metadata. The title is the front matter's, or the first
/// heading outside of code.
enum MarkdownFile {
    static func read(_ text: String) -> TextFile {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var file = TextFile(text: text)
        var body = lines[...]
        if let (fields, count) = FrontMatter.read(lines) {
            file.metadata = fields
            body = lines[count...]
            file.text = body.joined(separator: "\n")
        }
        if case .string(let title)? = file.metadata["title"], !title.isEmpty {
            file.title = title
            file.metadata["title"] = nil
        } else {
            file.title = firstHeading(body)
        }
        return file
    }

    /// The text of the first heading: "# Title", with up to six marks, or a line underlined with "=" or "-".
    private static func firstHeading(_ lines: ArraySlice<Substring>) -> String? {
        var fence: Substring?
        var previous: Substring = ""
        for line in lines {
            let line = line.trimmingSpace
            if let open = fence {
                if line.hasPrefix(open), line.allSatisfy({ $0 == open.first }) { fence = nil }
                continue
            }
            if line.hasPrefix("```") || line.hasPrefix("~~~") {
                fence = line.prefix { $0 == line.first }
                previous = ""
                continue
            }
            let marks = line.prefix { $0 == "#" }
            if (1...6).contains(marks.count), marks.endIndex == line.endIndex || line[marks.endIndex].isWhitespace {
                let heading = withoutClosingMarks(line[marks.endIndex...].trimmingSpace)
                if !heading.isEmpty { return String(heading) }
            }
            let isUnderline = !line.isEmpty && (line.allSatisfy { $0 == "=" } || line.allSatisfy { $0 == "-" })
            if isUnderline, !previous.isEmpty { return String(previous) }
            previous = line
        }
        return nil
    }

    /// "Title ##" is "Title"; "C#" stays.
    private static func withoutClosingMarks(_ heading: Substring) -> Substring {
        var rest = heading
        while rest.last == "#" { rest.removeLast() }
        return rest.isEmpty || rest.last?.isWhitespace == true ? rest.trimmingSpace : heading
    }
}

extension Substring {
    /// Without white space at its two ends, line endings included.
    var trimmingSpace: Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
