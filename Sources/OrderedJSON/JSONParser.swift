/// Where and why a text is not JSON.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    public var message: String
    /// From 0.
    public var byteOffset: Int
    /// From 1; the column counts code points.
    public var line: Int
    public var column: Int
    /// True where the text may be JSON, but holds more values than the reader allows.
    public var isTooLarge = false

    public var description: String { "\(message) at line \(line), column \(column)" }
}

extension JSONValue {
    /// Arrays and objects may be nested this deep.
    public static let maxDepth = 512

    /// Reads one JSON value (RFC 8259) from UTF-8 bytes.
    ///
    /// Strict: nothing may follow the value, and NaN, Infinity, comments and trailing commas are refused. A byte order
    /// mark in front is passed over. An escaped surrogate without its partner becomes U+FFFD, since a Swift string
    /// cannot hold it; Python's json.dumps writes such escapes. Linear in the number of bytes.
    ///
    /// A text of more than `maxValues` values, members included, is refused: "[0,0,0,..." takes ten and more times its
    /// bytes in memory.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, rejectDuplicateKeys: Bool = false, maxValues: Int = .max
    ) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes, rejectDuplicateKeys: rejectDuplicateKeys, maxValues: maxValues)
        return try parser.document()
    }

    public static func parse(
        _ bytes: [UInt8], rejectDuplicateKeys: Bool = false, maxValues: Int = .max
    ) throws(JSONError) -> JSONValue {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(JSONError) in
                try parse(buffer, rejectDuplicateKeys: rejectDuplicateKeys, maxValues: maxValues)
            }
        }
        return try result.get()
    }
}

private struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let rejectDuplicateKeys: Bool
    private var position = 0
    private var depth = 0
    /// How many more values there may be.
    private var remainingValues: Int

    init(_ bytes: UnsafeRawBufferPointer, rejectDuplicateKeys: Bool, maxValues: Int) {
        self.bytes = bytes
        self.rejectDuplicateKeys = rejectDuplicateKeys
        remainingValues = maxValues
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw error("there is more after the end of the value") }
        return value
    }

    /// The byte at the position; 0, which no JSON token begins with, at the end.
    private var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        guard remainingValues > 0 else {
            var error = error("there are too many values")
            error.isTooLarge = true
            throw error
        }
        remainingValues -= 1
        switch current {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "N"), UInt8(ascii: "I"): throw error("NaN and Infinity are no JSON values")
        default:
            throw error(position < bytes.count ? "a value was expected" : "the text ends where a value was expected")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let count = word.utf8CodeUnitCount
        for offset in 0..<count {
            guard position + offset < bytes.count, bytes[position + offset] == word.utf8Start[offset] else {
                throw error("\"\(word)\" was expected")
            }
        }
        position += count
        return value
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= JSONValue.maxDepth else {
            throw error("arrays and objects are nested more than \(JSONValue.maxDepth) deep")
        }
        position += 1
        skipSpace()
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        try enter()
        defer { depth -= 1 }
        var items: [JSONValue] = []
        if current == UInt8(ascii: "]") {
            position += 1
            return items
        }
        while true {
            items.append(try value())
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return items
            default: throw error("\",\" or \"]\" was expected")
            }
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try enter()
        defer { depth -= 1 }
        var object = JSONObject()
        if current == UInt8(ascii: "}") {
            position += 1
            return object
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw error("a key in quotes was expected") }
            let start = position
            let key = try string()
            if rejectDuplicateKeys, object[key] != nil {
                position = start
                throw error("the key \"\(key)\" comes twice")
            }
            skipSpace()
            guard current == UInt8(ascii: ":") else { throw error("\":\" was expected") }
            position += 1
            object[key] = try value()
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return object
            default: throw error("\",\" or \"}\" was expected")
            }
        }
    }

    /// -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
            if isDigit { throw error("a number may not begin with 0") }
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return JSONNumber(literal: String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(current) }

    private mutating func digits() throws(JSONError) {
        guard isDigit else { throw error("a digit was expected") }
        while isDigit { position += 1 }
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while position < bytes.count {
            skipPlainText()
            guard position < bytes.count else { break }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let text = try validated(bytes[start..<position], at: start)
                position += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw error("a control character has to be written as an escape")
            default: position += 1
            }
        }
        throw error("the text ends inside a string")
    }

    /// Goes on by eight bytes as long as none of them is a quote, a backslash or a control character.
    ///
    /// Most bytes of a corpus are such text. In each byte, the high bit of `(x - 0x01) & ~x` is set where x is 0, and that
    /// of `(x - 0x20) & ~x` where x is below 0x20; a borrow can set it in a byte above the first of these, which only
    /// sends that byte to the slow path.
    private mutating func skipPlainText() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        while bytes.count - position >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            let found =
                ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
                | ((word &- ones &* 0x20) & ~word)
            guard found & (ones &* 0x80) == 0 else { return }
            position += 8
        }
    }

    /// The slow path: the string has escapes, the first of them at the position.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                let string = try text.withUnsafeBytes { buffer in
                    Result { () throws(JSONError) in try validated(buffer[...], at: start) }
                }.get()
                position += 1
                return string
            case UInt8(ascii: "\\"): try appendEscape(to: &text)
            case 0..<0x20: throw error("a control character has to be written as an escape")
            default:
                let plain = position
                skipPlainText()
                if position == plain { position += 1 }
                text.append(contentsOf: bytes[plain..<position])
            }
        }
        throw error("the text ends inside a string")
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
        position += 1
        let escape = current
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            text.append(contentsOf: String(Character(try unicodeEscape())).utf8)
            return
        default: throw error("no escape begins with this character")
        }
        position += 1
    }

    /// The four digits after \u, and a second \u escape where the two are a surrogate pair.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = try fourDigits()
        guard (0xD800..<0xE000).contains(first) else { return Unicode.Scalar(first) ?? replacement }
        let isPair =
            first < 0xDC00 && position + 6 <= bytes.count && bytes[position] == UInt8(ascii: "\\")
            && bytes[position + 1] == UInt8(ascii: "u")
        guard isPair else { return replacement }
        let afterFirst = position
        position += 2
        let second = try fourDigits()
        guard (0xDC00..<0xE000).contains(second) else {
            position = afterFirst
            return replacement
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    private mutating func fourDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(current)).hexDigitValue, current < 0x80 else {
                throw error("four hexadecimal digits were expected")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private func validated(_ slice: Slice<UnsafeRawBufferPointer>, at start: Int) throws(JSONError) -> String {
        let units = UnsafeRawBufferPointer(rebasing: slice).assumingMemoryBound(to: UInt8.self)
        guard let text = String(validating: units, as: UTF8.self) else {
            throw error("the string is not valid UTF-8", at: start)
        }
        return text
    }

    private func error(_ message: String, at offset: Int? = nil) -> JSONError {
        let offset = offset ?? position
        let before = bytes[..<min(offset, bytes.count)]
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return JSONError(
            message: message, byteOffset: offset, line: before.count { $0 == 0x0A } + 1,
            column: before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1)
    }
}
