import NIOCore

/// A reply of a Redis server, in RESP2 or RESP3 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
///
/// What RESP3 adds is read as what it is for us: a map is the list of its keys and values, a set is a list, numbers of
/// other kinds are text.
enum RESPValue: Equatable, Sendable {
    case null
    /// A simple or bulk string, and every other scalar.
    case string([UInt8])
    case integer(Int64)
    /// As the server wrote it: "WRONGPASS invalid username-password pair or user is disabled."
    case error(String)
    case array([RESPValue])
    /// A message that answers no command.
    case push([RESPValue])
}

/// Reads replies from bytes that arrive in any pieces. Each byte is looked at a bounded number of times, and no reply makes
/// it hold more than its limits: a server's claims about sizes are checked before anything is reserved.
struct RESPParser {
    /// What breaks the protocol, or a limit.
    struct Malformed: Error, Equatable {
        var reason: String
    }

    /// The longest number, error or simple string.
    static let mostLineBytes = 4_096
    static let mostStringBytes = 2 << 20
    /// Of one reply, with all that it contains.
    static let mostValues = 65_536
    static let mostReplyBytes = 64 << 20
    static let mostDepth = 8

    private struct Aggregate {
        enum Kind { case array, push, attribute }
        var kind: Kind
        var left: Int
        var values: [RESPValue] = []
    }

    private enum Step {
        case scalar(RESPValue)
        case opened
    }

    /// What is open, outermost first.
    private var open: [Aggregate] = []
    /// Of the reply that is being read.
    private var values = 0
    private var bytes = 0
    /// Bytes of the line at the reader index that hold no end.
    private var scanned = 0

    /// The next whole reply, or nil until more bytes come. After an error the rest of the connection means nothing.
    mutating func next(_ buffer: inout ByteBuffer) throws(Malformed) -> RESPValue? {
        while let step = try step(&buffer) {
            var finished: RESPValue?
            if case .scalar(let value) = step { finished = add(value) }
            while finished == nil, let last = open.last, last.left == 0 {
                open.removeLast()
                switch last.kind {
                case .array: finished = add(.array(last.values))
                case .push: finished = add(.push(last.values))
                // It stands in front of the value that it describes.
                case .attribute: break
                }
            }
            guard let finished else { continue }
            (values, bytes) = (0, 0)
            return finished
        }
        return nil
    }

    /// Returns the value where it is in no list: a whole reply.
    private mutating func add(_ value: RESPValue) -> RESPValue? {
        guard let last = open.indices.last else { return value }
        open[last].values.append(value)
        open[last].left -= 1
        return nil
    }

    /// One scalar, or the beginning of an aggregate. Nil until more bytes come.
    private mutating func step(_ buffer: inout ByteBuffer) throws(Malformed) -> Step? {
        let start = buffer.readerIndex
        guard let line = try line(&buffer) else { return nil }
        guard let type = line.first else { throw Malformed(reason: "an empty line") }
        let text = line.dropFirst()
        values += 1
        guard values <= RESPParser.mostValues else { throw Malformed(reason: "a reply of too many values") }
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "("): return .scalar(.string(Array(text)))
        case UInt8(ascii: "-"): return .scalar(.error(String(decoding: text, as: UTF8.self)))
        case UInt8(ascii: ":"): return .scalar(.integer(try RESPParser.integer(text)))
        case UInt8(ascii: "#"):
            guard text.elementsEqual([UInt8(ascii: "t")]) || text.elementsEqual([UInt8(ascii: "f")]) else {
                throw Malformed(reason: "a boolean that is neither t nor f")
            }
            return .scalar(.integer(text.first == UInt8(ascii: "t") ? 1 : 0))
        case UInt8(ascii: "_"): return .scalar(.null)
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            guard let string = try string(text, &buffer) else {
                // Its length is read again when it is there.
                buffer.moveReaderIndex(to: start)
                values -= 1
                return nil
            }
            guard let string else { return .scalar(.null) }
            bytes += string.count
            guard bytes <= RESPParser.mostReplyBytes else { throw Malformed(reason: "a reply of too many bytes") }
            return .scalar(
                type == UInt8(ascii: "!") ? .error(String(decoding: string, as: UTF8.self)) : .string(string))
        case UInt8(ascii: "*"), UInt8(ascii: "~"): return try begin(.array, text, times: 1)
        case UInt8(ascii: "%"): return try begin(.array, text, times: 2)
        case UInt8(ascii: ">"): return try begin(.push, text, times: 1)
        case UInt8(ascii: "|"): return try begin(.attribute, text, times: 2)
        default: throw Malformed(reason: "a reply of the unknown type \(type)")
        }
    }

    private mutating func begin(
        _ kind: Aggregate.Kind, _ text: ArraySlice<UInt8>, times: Int
    ) throws(Malformed) -> Step {
        let count = try RESPParser.integer(text)
        if count == -1, kind == .array, times == 1 { return .scalar(.null) }
        guard count >= 0, count <= Int64(RESPParser.mostValues / times) else {
            throw Malformed(reason: "a list of \(count) values")
        }
        guard open.count < RESPParser.mostDepth else { throw Malformed(reason: "lists inside lists, too deep") }
        open.append(Aggregate(kind: kind, left: Int(count) * times))
        return .opened
    }

    /// Nil until the string is there; nil inside for the null of RESP2.
    private func string(_ text: ArraySlice<UInt8>, _ buffer: inout ByteBuffer) throws(Malformed) -> [UInt8]?? {
        let length = try RESPParser.integer(text)
        if length == -1 { return .some(nil) }
        guard length >= 0, length <= Int64(RESPParser.mostStringBytes) else {
            throw Malformed(reason: "a string of \(length) bytes")
        }
        guard buffer.readableBytes >= Int(length) + 2, let string = buffer.readBytes(length: Int(length)),
            let end = buffer.readBytes(length: 2)
        else { return nil }
        guard end == [0x0D, 0x0A] else { throw Malformed(reason: "a string that is longer than it says") }
        return .some(string)
    }

    /// The bytes before the next line end, which is read too.
    private mutating func line(_ buffer: inout ByteBuffer) throws(Malformed) -> ArraySlice<UInt8>? {
        let view = buffer.readableBytesView
        let from = view.index(view.startIndex, offsetBy: scanned)
        guard let end = view[from...].firstIndex(of: 0x0A) else {
            guard view.count <= RESPParser.mostLineBytes else { throw Malformed(reason: "a line without an end") }
            scanned = view.count
            return nil
        }
        let length = end - view.startIndex
        scanned = 0
        guard length <= RESPParser.mostLineBytes, let bytes = buffer.readBytes(length: length + 1),
            length > 0, bytes[length - 1] == 0x0D
        else { throw Malformed(reason: "a line that does not end in CR LF") }
        return bytes[..<(length - 1)]
    }

    private static func integer(_ text: ArraySlice<UInt8>) throws(Malformed) -> Int64 {
        guard let number = Int64(String(decoding: text, as: UTF8.self)) else {
            throw Malformed(reason: "no number where one is due")
        }
        return number
    }
}

/// A command as Redis reads it: an array of bulk strings.
enum RESPCommand {
    static func append(_ words: [[UInt8]], to buffer: inout ByteBuffer) {
        buffer.writeString("*\(words.count)\r\n")
        for word in words {
            buffer.writeString("$\(word.count)\r\n")
            buffer.writeBytes(word)
            buffer.writeString("\r\n")
        }
    }

    static func append(_ words: String..., to buffer: inout ByteBuffer) {
        append(words.map { Array($0.utf8) }, to: &buffer)
    }
}
