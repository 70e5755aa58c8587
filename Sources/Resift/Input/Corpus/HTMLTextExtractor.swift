import CLibxml2

/// Collects the text of a page while libxml2 parses it.
final class HTMLTextExtractor {
    var title = FlowingText()
    var body = FlowingText()
    private(set) var isTooDeep = false
    private let context: htmlParserCtxtPtr
    private var depth = 0
    private var skippedDepth = 0
    private var titleDepth = 0
    private var hasTitle = false

    init(_ context: htmlParserCtxtPtr) { self.context = context }

    private static let skipped: Set<String> = ["script", "style", "template", "noscript"]
    private static let blocks: Set<String> = [
        "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "dialog",
        "dir",
        "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
        "header", "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "section",
        "select",
        "summary", "table", "tbody", "textarea", "tfoot", "thead", "tr", "ul",
    ]

    static var handler: xmlSAXHandler {
        var handler = xmlSAXHandler()
        handler.startElement = { extractor, name, _ in HTMLTextExtractor.from(extractor)?.start(name) }
        handler.endElement = { extractor, name in HTMLTextExtractor.from(extractor)?.end(name) }
        handler.characters = { extractor, text, count in HTMLTextExtractor.from(extractor)?.append(text, count) }
        handler.ignorableWhitespace = handler.characters
        // What scripts and styles hold comes as CDATA, which nobody handles; so they are dropped twice.
        return handler
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> HTMLTextExtractor? {
        pointer.map { Unmanaged<HTMLTextExtractor>.fromOpaque($0).takeUnretainedValue() }
    }

    private func start(_ name: UnsafePointer<xmlChar>?) {
        guard let name = name.map({ String(cString: $0) }) else { return }
        depth += 1
        if depth > HTMLFile.maxDepth {
            isTooDeep = true
            xmlStopParser(context)
        }
        if HTMLTextExtractor.skipped.contains(name) { skippedDepth += 1 }
        // The first title of the page; one in a drawing comes later.
        if name == "title", !hasTitle {
            hasTitle = true
            titleDepth += 1
        }
        separate(name)
        if name == "pre" { body.preservedDepth += 1 }
    }

    private func end(_ name: UnsafePointer<xmlChar>?) {
        guard let name = name.map({ String(cString: $0) }) else { return }
        depth -= 1
        if HTMLTextExtractor.skipped.contains(name) { skippedDepth = max(0, skippedDepth - 1) }
        if name == "title" { titleDepth = 0 }
        if name == "pre" { body.preservedDepth = max(0, body.preservedDepth - 1) }
        separate(name)
    }

    private func separate(_ name: String) {
        if HTMLTextExtractor.blocks.contains(name) {
            body.breakLine()
        } else if name == "td" || name == "th" {
            body.space()
        }
    }

    private func append(_ text: UnsafePointer<xmlChar>?, _ count: Int32) {
        guard skippedDepth == 0, let text, count > 0 else { return }
        let bytes = UnsafeBufferPointer(start: text, count: Int(count))
        if titleDepth > 0 { title.append(bytes) } else { body.append(bytes) }
    }
}

/// Text with single spaces, and line breaks where they were asked for.
struct FlowingText {
    private var bytes: [UInt8] = []
    private var wantsSpace = false
    private var wantsBreak = false
    /// Above 0, white space is kept as it is.
    var preservedDepth = 0

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func breakLine() { wantsBreak = true }
    mutating func space() { wantsSpace = true }

    mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            // U+00A0 is a space that lines do not break at: a matter of layout.
            let isHardSpace = byte == 0xC2 && index + 1 < text.count && text[index + 1] == 0xA0
            index += isHardSpace ? 2 : 1
            if isHardSpace || byte == 0x20 || (0x09...0x0D).contains(byte) {
                if preservedDepth > 0, !isHardSpace, !wantsBreak {
                    bytes.append(byte)
                } else {
                    wantsSpace = true
                }
                continue
            }
            if !bytes.isEmpty {
                if wantsBreak {
                    bytes.append(0x0A)
                } else if wantsSpace {
                    bytes.append(0x20)
                }
            }
            (wantsBreak, wantsSpace) = (false, false)
            bytes.append(byte)
        }
    }
}
