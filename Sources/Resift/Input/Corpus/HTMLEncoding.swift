import CLibxml2
import Ranking
import TextFiles

/// Brings the bytes of a page to UTF-8.
enum HTMLEncoding {
    /// Bytes that are valid UTF-8 are taken for it, whatever the page declares: text in another encoding is valid UTF-8
    /// by accident only where it is ASCII. Otherwise a byte order mark or the charset that the page declares counts.
    ///
    /// Throws `invalidInput` where none is declared, where it is not known, and where the bytes are not in it.
    static func utf8(_ input: InputBytes) throws(RankingError) -> [UInt8] {
        let isUTF16 = input.bytes.starts(with: [0xFF, 0xFE]) || input.bytes.starts(with: [0xFE, 0xFF])
        // ISO-2022 encodings are ASCII bytes with escapes.
        let hasEscapes = input.bytes.contains(0x1B)
        let declared = isUTF16 ? "UTF-16" : declaredCharset(input.bytes.prefix(4_096))
        let invalidLine = input.bytes.withUnsafeBytes { UTF8Text.firstInvalidLine(in: $0) }
        if invalidLine == nil, !(hasEscapes && declared?.hasPrefix("iso-2022") == true) { return input.bytes }
        guard let declared, declared != "utf-8", declared != "utf8" else {
            throw RankingError(
                .invalidInput, what: "\(input.name), line \(invalidLine ?? 1): the line is not valid UTF-8.",
                why: declared == nil ? "The page declares no other charset." : "The page declares UTF-8.",
                fix: "Declare its charset in a meta element, or convert it, for example with: iconv -f LATIN1 -t UTF-8."
            )
        }
        guard let bytes = converted(input.bytes, from: label(declared)) else {
            throw RankingError(
                .invalidInput, what: "\(input.name) is not in the charset \"\(declared)\" that it declares.",
                why: "The charset is not known here, or some bytes are none of its characters.",
                fix: "Correct the declaration, or convert the file to UTF-8.")
        }
        return bytes
    }

    /// The encodings that browsers take these names for (WHATWG Encoding Standard, 4.2), as iconv calls them.
    private static func label(_ name: String) -> String {
        switch name {
        case "ascii", "us-ascii", "latin1", "iso-8859-1", "iso8859-1", "l1": "windows-1252"
        case "gb2312", "gbk", "x-gbk", "gb_2312-80": "GB18030"
        case "shift_jis", "shift-jis", "sjis", "x-sjis": "CP932"
        case "ks_c_5601-1987", "euc-kr": "CP949"
        case "iso-8859-9", "latin5": "windows-1254"
        default: name
        }
    }

    /// The name after `charset=` (or `encoding=` in an XML declaration), in lower case.
    private static func declaredCharset(_ head: ArraySlice<UInt8>) -> String? {
        let text = String(decoding: head, as: UTF8.self).lowercased()
        for key in ["charset", "encoding"] {
            guard let match = text.firstMatch(of: key == "charset" ? charsetPattern : encodingPattern) else { continue }
            return String(match.1)
        }
        return nil
    }

    private static var charsetPattern: Regex<(Substring, Substring)> { /charset\s*=\s*["']?([a-z0-9._:\-]+)/ }
    private static var encodingPattern: Regex<(Substring, Substring)> { /encoding\s*=\s*["']([a-z0-9._:\-]+)/ }

    /// Nil where the encoding is unknown or the bytes are not all in it.
    private static func converted(_ bytes: [UInt8], from encoding: String) -> [UInt8]? {
        guard let count = Int32(exactly: bytes.count), let handler = xmlFindCharEncodingHandler(encoding) else {
            return nil
        }
        defer { xmlCharEncCloseFunc(handler) }
        guard let source = xmlBufferCreate(), let target = xmlBufferCreate() else { return nil }
        defer {
            xmlBufferFree(source)
            xmlBufferFree(target)
        }
        guard xmlBufferAdd(source, bytes, count) == 0 else { return nil }
        // One call converts as much as fits into the room that it makes.
        var rest = xmlBufferLength(source)
        while rest > 0 {
            _ = xmlCharEncInFunc(handler, target, source)
            let left = xmlBufferLength(source)
            guard left < rest else { return nil }
            rest = left
        }
        let converted = UnsafeBufferPointer(start: xmlBufferContent(target), count: Int(xmlBufferLength(target)))
        return String(validating: converted, as: UTF8.self) == nil ? nil : Array(converted)
    }
}
