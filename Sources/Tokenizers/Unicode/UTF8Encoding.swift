/// Code points to UTF-8 bytes and back, without going through String.
enum UTF8Encoding {
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: bytes.append(UInt8(truncatingIfNeeded: scalar))
        case 0x80..<0x800:
            bytes.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            bytes.append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        default:
            bytes.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        }
    }

    /// The code point that begins at a byte. The bytes are valid UTF-8, as those of a Swift string are.
    static func decode(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, end: Int) -> (scalar: UInt32, length: Int) {
        let lead = UInt32(bytes[at])
        func trail(_ offset: Int) -> UInt32 { at + offset < end ? UInt32(bytes[at + offset]) & 0x3F : 0 }
        switch lead {
        case 0..<0x80: return (lead, 1)
        case 0..<0xE0: return ((lead & 0x1F) << 6 | trail(1), min(2, end - at))
        case 0..<0xF0: return ((lead & 0x0F) << 12 | trail(1) << 6 | trail(2), min(3, end - at))
        default: return ((lead & 0x07) << 18 | trail(1) << 12 | trail(2) << 6 | trail(3), min(4, end - at))
        }
    }

    /// Where the code point begins that ends at a byte; not before `lower`.
    static func start(_ bytes: UnsafeBufferPointer<UInt8>, before end: Int, _ lower: Int) -> Int {
        var start = end
        while start > lower {
            start -= 1
            if bytes[start] & 0xC0 != 0x80 { break }
        }
        return start
    }
}
