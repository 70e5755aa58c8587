import CLibxml2
import Ranking
import TextFiles

/// The text of an HTML file, by libxml2's parser, which mends broken HTML.
///
/// Entities are decoded; scripts, styles and templates are dropped, as is everything in the head but the title; block
/// elements are lines of their own; other white space becomes single spaces, except in `pre`.
///
/// libxml2 needs time in the square of an element's attributes and of the depth of open elements (half a megabyte of
/// either takes it five seconds), so that both have a limit far above what pages have.
enum HTMLFile {
    static let maxAttributes = 1_000
    static let maxDepth = 2_000

    private static let isParserReady: Void = xmlInitParser()

    /// Throws `invalidInput` for a file in an unknown encoding or over a limit.
    static func read(_ input: InputBytes) throws(RankingError) -> TextFile {
        _ = isParserReady
        var bytes = try HTMLEncoding.utf8(input)
        // A NUL would end the text for a parser written in C.
        for index in bytes.indices where bytes[index] == 0 { bytes[index] = 0x20 }
        guard HTMLTags.mostAttributes(in: bytes) <= maxAttributes else {
            throw tooComplex(input, "has a tag with more than \(maxAttributes) attributes")
        }
        guard let context = htmlNewParserCtxt(), let count = Int32(exactly: bytes.count) else {
            throw tooComplex(input, "is too large for the HTML parser")
        }
        defer { htmlFreeParserCtxt(context) }
        let extractor = HTMLTextExtractor(context)
        context.pointee.sax.pointee = HTMLTextExtractor.handler
        context.pointee.userData = Unmanaged.passUnretained(extractor).toOpaque()
        let options =
            HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
            | HTML_PARSE_NONET.rawValue
        withExtendedLifetime(extractor) {
            bytes.withUnsafeBufferPointer { buffer in
                buffer.withMemoryRebound(to: CChar.self) { text in
                    // The handler builds no tree.
                    _ = htmlCtxtReadMemory(context, text.baseAddress, count, nil, "UTF-8", Int32(options))
                }
            }
        }
        guard !extractor.isTooDeep else {
            throw tooComplex(input, "has more than \(maxDepth) elements open inside each other")
        }
        let title = extractor.title.text
        return TextFile(title: title.isEmpty ? nil : title, text: extractor.body.text)
    }

    private static func tooComplex(_ input: InputBytes, _ problem: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(input.name) \(problem).",
            why: "Pages are not written so; reading it could take hours.",
            fix: "Repair the file, or leave it out.")
    }
}

/// Looks at tags before the parser does.
private enum HTMLTags {
    /// At least the number of attributes of the tag that has the most of them. Linear in the number of bytes.
    static func mostAttributes(in bytes: [UInt8]) -> Int {
        var most = 0
        var position = 0
        while let open = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
            position = open + 1
            guard position < bytes.count, isLetter(bytes[position]) else { continue }
            let nameEnd = bytes[position...].firstIndex { !isLetter($0) } ?? bytes.count
            let name = String(decoding: bytes[position..<nameEnd].prefix(8), as: UTF8.self).lowercased()
            let (attributes, end) = tag(bytes, from: nameEnd)
            most = max(most, attributes)
            position = end
            // What looks like a tag in a script or a style is none.
            if name == "script" || name == "style" { position = closingTag(bytes, from: end) }
        }
        return most
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private static func tag(_ bytes: [UInt8], from start: Int) -> (attributes: Int, end: Int) {
        var quote: UInt8?
        var attributes = 0
        var isInName = false
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if let open = quote {
                if byte == open { quote = nil }
                continue
            }
            switch byte {
            case UInt8(ascii: ">"): return (attributes, position)
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                quote = byte
                isInName = false
            case 0x09...0x0D, 0x20, UInt8(ascii: "/"): isInName = false
            default:
                if !isInName { attributes += 1 }
                isInName = true
            }
        }
        return (attributes, position)
    }

    private static func closingTag(_ bytes: [UInt8], from start: Int) -> Int {
        var position = start
        while let open = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
            if open + 1 < bytes.count, bytes[open + 1] == UInt8(ascii: "/") { return open }
            position = open + 1
        }
        return bytes.count
    }
}
