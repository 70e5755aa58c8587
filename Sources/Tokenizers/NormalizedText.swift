/// A text after normalization, with the place in the source that each part came from.
struct NormalizedText {
    private(set) var scalars: [UInt32] = []
    /// UTF-8 byte ranges in the source, one a scalar.
    private(set) var sources: [Range<Int32>] = []

    mutating func reserve(_ count: Int) {
        scalars.reserveCapacity(count)
        sources.reserveCapacity(count)
    }

    mutating func append(_ scalar: UInt32, from source: Range<Int32>) {
        scalars.append(scalar)
        sources.append(source)
    }

    /// Makes the last scalar answer for source text that was dropped behind it, such as a stripped accent.
    mutating func extendLast(to end: Int32) {
        guard let last = sources.last, last.upperBound < end else { return }
        sources[sources.count - 1] = last.lowerBound..<end
    }

    func source(of range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty else { return 0..<0 }
        let start = Int(sources[range.lowerBound].lowerBound)
        // Marks that changed places may end before their neighbours.
        return start..<max(start, Int(sources[range.upperBound - 1].upperBound))
    }
}
