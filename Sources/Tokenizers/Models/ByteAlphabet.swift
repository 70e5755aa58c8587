/// The characters that byte-level vocabularies write bytes with: a visible one for each.
///
/// Printable Latin-1 characters are themselves; the others are U+0100 and on, in order.
///
/// Source: Radford et al., 2019 (GPT-2), `bytes_to_unicode`.
enum ByteAlphabet {
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256 as Range<UInt32>).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                defer { next += 1 }
                return next
            }
        }
    }()
}
