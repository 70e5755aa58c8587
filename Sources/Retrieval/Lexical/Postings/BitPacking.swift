/// Packs blocks of 128 numbers into the bits of the largest, in the interleaved layout of SIMD-BP128.
///
/// Number `i` goes to lane `i mod 4`. Each lane is a stream of 32 numbers of `width` bits, lowest bits first, cut into
/// 32-bit words; the words of the four lanes alternate. All words are little-endian. A block is `16 · width` bytes.
///
/// Source: Lemire & Boytsov, Decoding billions of integers per second through vectorization, 2015,
/// <https://arxiv.org/abs/1209.2137>.
enum BitPacking {
    static let blockCount = 128

    static func byteCount(width: Int) -> Int { 16 * width }

    /// Bits of the largest of `values`.
    static func width(of values: some Sequence<UInt32>) -> Int {
        UInt32.bitWidth - values.reduce(0, |).leadingZeroBitCount
    }

    /// Appends 128 values, none of more than `width` bits.
    static func pack(_ values: [UInt32], width: Int, to bytes: inout [UInt8]) {
        guard width > 0 else { return }
        var word = SIMD4<UInt32>.zero
        var filled = 0
        for row in 0..<blockCount / 4 {
            let value = SIMD4(values[4 * row], values[4 * row + 1], values[4 * row + 2], values[4 * row + 3])
            word |= value &<< SIMD4(repeating: UInt32(filled))
            filled += width
            if filled >= 32 {
                append(word, to: &bytes)
                filled -= 32
                word = filled > 0 ? value &>> SIMD4(repeating: UInt32(width - filled)) : .zero
            }
        }
    }

    private static func append(_ word: SIMD4<UInt32>, to bytes: inout [UInt8]) {
        for lane in 0..<4 { withUnsafeBytes(of: word[lane].littleEndian) { bytes.append(contentsOf: $0) } }
    }

    /// Reads 128 values.
    ///
    /// - Parameters:
    ///   - bytes: At least `byteCount(width:)`, aligned or not.
    ///   - width: 0 ... 32.
    ///   - values: Room for 128.
    @inline(__always)
    static func unpack(_ bytes: UnsafeRawPointer, width: Int, to values: UnsafeMutablePointer<UInt32>) {
        let rows = UnsafeMutableRawPointer(values)
        guard width > 0 else {
            for row in 0..<32 { rows.storeBytes(of: .zero, toByteOffset: 16 * row, as: SIMD4<UInt32>.self) }
            return
        }
        let mask = SIMD4(repeating: UInt32.max >> UInt32(32 - width))
        var next = bytes
        var word = SIMD4<UInt32>.zero
        var available = 0
        for row in 0..<32 {
            var value: SIMD4<UInt32>
            if available >= width {
                value = word
                word = shiftRight(word, width)
                available -= width
            } else {
                let fresh = next.loadUnaligned(as: SIMD4<UInt32>.self)
                next += 16
                value = word | shiftLeft(fresh, available)
                word = shiftRight(fresh, width - available)
                available += 32 - width
            }
            value &= mask
            rows.storeBytes(of: value, toByteOffset: 16 * row, as: SIMD4<UInt32>.self)
        }
    }

    /// A shift by 32 gives zero.
    @inline(__always)
    private static func shiftRight(_ value: SIMD4<UInt32>, _ count: Int) -> SIMD4<UInt32> {
        count < 32 ? value &>> SIMD4(repeating: UInt32(truncatingIfNeeded: count)) : .zero
    }

    @inline(__always)
    private static func shiftLeft(_ value: SIMD4<UInt32>, _ count: Int) -> SIMD4<UInt32> {
        value &<< SIMD4(repeating: UInt32(truncatingIfNeeded: count))
    }
}
