import Ranking

/// Reads the numbers of an encoded posting list; never outside its bytes.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    /// From the start of the slice.
    private(set) var offset: Int

    init(_ bytes: ArraySlice<UInt8>, offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset == bytes.count }

    func corrupt(_ fact: String) -> RankingError {
        RankingError(
            .corruptFile, what: "A posting list of \(bytes.count) bytes is broken: \(fact).",
            why: "The index file was damaged, or was written by something else.", fix: "Build the index again.")
    }

    mutating func byte() throws(RankingError) -> UInt8 {
        guard offset < bytes.count else { throw corrupt("it ends too early") }
        defer { offset += 1 }
        return bytes[bytes.startIndex + offset]
    }

    mutating func skip(_ count: Int) throws(RankingError) {
        guard count <= bytes.count - offset else { throw corrupt("it ends too early") }
        offset += count
    }

    /// A number of at most 42 bits.
    mutating func varint() throws(RankingError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 42, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw corrupt("a number is too long")
    }

    mutating func tailPosting() throws(RankingError) -> (gap: UInt32, frequency: UInt32) {
        let value = try varint()
        let frequency = value & 1 == 1 ? 1 : try varint() + 2
        guard let gap = UInt32(exactly: value >> 1), let frequency = UInt32(exactly: frequency) else {
            throw corrupt("a number is too large")
        }
        return (gap, frequency)
    }

    // Offsets within bytes that were skipped before, and so exist.

    @inline(__always)
    func uint8(at offset: Int) -> UInt8 { bytes[bytes.startIndex + offset] }

    @inline(__always)
    func uint32(at offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }

    @inline(__always)
    func impact(at offset: Int) -> Impact {
        Impact(
            frequency: uint8(at: offset),
            length: UInt16(uint8(at: offset + 1)) | UInt16(uint8(at: offset + 2)) << 8)
    }
}
