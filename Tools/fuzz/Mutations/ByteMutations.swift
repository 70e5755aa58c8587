/// Damage that knows nothing of a format: what a bad disk, a cut download or a careless editor does.
package enum ByteMutations {
    /// - Parameters:
    ///   - other: another file, for splices.
    ///   - focus: the part where damage matters most, such as a header; half of the damage goes there.
    package static func mutate(
        _ bytes: inout [UInt8], other: [UInt8], focus: Range<Int>, _ random: inout SplitMix64
    ) {
        for _ in 0...random.index(4) {
            once(&bytes, other: other, focus: focus.clamped(to: 0..<bytes.count), &random)
        }
    }

    private static func once(
        _ bytes: inout [UInt8], other: [UInt8], focus: Range<Int>, _ random: inout SplitMix64
    ) {
        let place = !focus.isEmpty && random.oneIn(2) ? focus : 0..<bytes.count
        let inPlace = random.range(in: place.count, longest: 256)
        let range = inPlace.lowerBound + place.lowerBound..<inPlace.upperBound + place.lowerBound
        let at = place.lowerBound + random.index(place.count)
        switch random.index(12) {
        case 0, 1: if at < bytes.count { bytes[at] ^= 1 << UInt8(random.index(8)) }
        case 2, 3: if at < bytes.count { bytes[at] = random.pick(interesting) }
        case 4: if at < bytes.count { bytes[at] = UInt8(truncatingIfNeeded: random.next()) }
        case 5: bytes.removeSubrange(at...)
        case 6: bytes.removeSubrange(range)
        case 7: bytes.insert(contentsOf: (0..<random.index(64)).map { _ in random.pick(interesting) }, at: at)
        case 8: bytes.insert(contentsOf: bytes[range], at: at)
        case 9:
            let from = random.index(other.count + 1)
            bytes.replaceSubrange(at..., with: other[from...])
        case 10:
            let part = random.range(in: other.count, longest: 4_096)
            bytes.replaceSubrange(range, with: other[part])
        default: for index in range { bytes[index] = random.oneIn(2) ? 0xFF : 0 }
        }
    }

    private static let interesting: [UInt8] =
        [0, 1, 0x7F, 0x80, 0xFF, 0xC0, 0xE2, 0xED, 0xF4, 0x20, 0x0A, 0x1F] + Array("{}[]\",:\\-+.eE0129ntfu#".utf8)
}
