import CLibXML2

/// The readable text of an HTML page, by libxml2's parser, which makes the best of any damage.
struct HTMLText {
    private(set) var title = ""
    private(set) var text = ""
    private static let maxDepth = 500

    /// Elements that no reader sees.
    private static let hidden: Set<String> = [
        "head", "script", "style", "noscript", "template", "svg", "iframe", "object", "nav",
    ]
    /// Elements that stand on lines of their own.
    private static let blocks: Set<String> = [
        "address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset", "figcaption",
        "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre",
        "section", "table", "td", "th", "tr", "ul",
    ]

    /// Nil where there is nothing to parse, or too little memory. The encoding is that of the page's own `meta`, and
    /// UTF-8 where there is none.
    init?(_ bytes: [UInt8]) {
        guard let size = Int32(exactly: bytes.count), size > 0 else { return nil }
        let options =
            HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
            | HTML_PARSE_NONET.rawValue
        let declaresCharset = String(decoding: bytes.prefix(1024), as: UTF8.self).lowercased().contains("charset")
        let document = bytes.withUnsafeBytes { raw in
            htmlReadMemory(
                raw.bindMemory(to: CChar.self).baseAddress, size, nil, declaresCharset ? nil : "UTF-8", Int32(options))
        }
        guard let document else { return nil }
        defer { xmlFreeDoc(document) }
        guard let root = xmlDocGetRootElement(document) else { return nil }
        findTitle(root, depth: 0)
        var words = Words()
        append(root, depth: 0, to: &words)
        text = words.text
    }

    private mutating func findTitle(_ node: xmlNodePtr, depth: Int) {
        guard title.isEmpty, depth < 10 else { return }
        if HTMLText.name(node) == "title", let content = xmlNodeGetContent(node) {
            title = String(cString: content).split(whereSeparator: \.isWhitespace).joined(separator: " ")
            resift_xml_free(content)
        }
        var child = node.pointee.children
        while let next = child {
            findTitle(next, depth: depth + 1)
            child = next.pointee.next
        }
    }

    private func append(_ node: xmlNodePtr, depth: Int, to words: inout Words) {
        switch node.pointee.type {
        case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
            if let content = node.pointee.content { words.append(String(cString: content)) }
        case XML_ELEMENT_NODE:
            let name = HTMLText.name(node)
            // libxml2 itself stops at a depth of 256 unless told otherwise.
            guard !HTMLText.hidden.contains(name), depth < HTMLText.maxDepth else { return }
            let isBlock = HTMLText.blocks.contains(name)
            if isBlock { words.breakLine() }
            var child = node.pointee.children
            while let next = child {
                append(next, depth: depth + 1, to: &words)
                child = next.pointee.next
            }
            if isBlock { words.breakLine() }
        default: return
        }
    }

    private static func name(_ node: xmlNodePtr) -> String {
        guard node.pointee.type == XML_ELEMENT_NODE, let name = node.pointee.name else { return "" }
        return String(cString: name).lowercased()
    }

    /// Joins texts: runs of white space become one space, blocks begin lines.
    private struct Words {
        private(set) var text = ""
        private var endsWithSpace = false

        mutating func append(_ part: String) {
            for scalar in part.unicodeScalars {
                if scalar.properties.isWhitespace {
                    endsWithSpace = true
                } else {
                    if endsWithSpace, let last = text.unicodeScalars.last, last != "\n" { text.append(" ") }
                    endsWithSpace = false
                    text.unicodeScalars.append(scalar)
                }
            }
        }

        mutating func breakLine() {
            endsWithSpace = false
            if let last = text.unicodeScalars.last, last != "\n" { text.append("\n") }
        }
    }
}
