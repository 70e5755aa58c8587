/// A text, or a part of one, with the place in the source that each code point came from.
struct NormalizedText {
    private(set) var scalars: [UInt32] = []
    /// UTF-8 byte ranges in the source, one a scalar.
    private(set) var sources: [Range<Int32>] = []

    init() {}

    /// The part as it is.
    init(_ decoded: DecodedScalars) {
        reserve(decoded.underestimatedCount)
        for (scalar, source) in decoded { append(scalar, from: source) }
    }

    var count: Int { scalars.count }

    mutating func reserve(_ count: Int) {
        scalars.reserveCapacity(count)
        sources.reserveCapacity(count)
    }

    mutating func append(_ scalar: UInt32, from source: Range<Int32>) {
        scalars.append(scalar)
        sources.append(source)
    }

    mutating func append(_ other: NormalizedText, _ range: Range<Int>) {
        scalars.append(contentsOf: other.scalars[range])
        sources.append(contentsOf: other.sources[range])
    }

    mutating func insert(_ added: [UInt32], from source: Range<Int32>, at index: Int) {
        scalars.insert(contentsOf: added, at: index)
        sources.insert(contentsOf: repeatElement(source, count: added.count), at: index)
    }

    mutating func keep(_ range: Range<Int>) {
        guard range != 0..<count else { return }
        scalars = Array(scalars[range])
        sources = Array(sources[range])
    }

    /// Makes the last scalar answer for source text that was dropped behind it, such as a stripped accent.
    mutating func extendLast(to end: Int32) {
        guard let last = sources.last, last.upperBound < end else { return }
        sources[sources.count - 1] = last.lowerBound..<end
    }

    /// Makes the first scalar answer for source text that was dropped in front of it.
    mutating func extendFirst(to start: Int32) {
        guard let first = sources.first, start < first.lowerBound else { return }
        sources[0] = start..<first.upperBound
    }

    func source(of range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty else { return 0..<0 }
        let start = Int(sources[range.lowerBound].lowerBound)
        // Marks that changed places may end before their neighbours.
        return start..<max(start, Int(sources[range.upperBound - 1].upperBound))
    }

    /// The same as one range of the scalars' type.
    func sources(of range: Range<Int>) -> Range<Int32> {
        let source = source(of: range)
        return Int32(clamping: source.lowerBound)..<Int32(clamping: source.upperBound)
    }
}

/// The code points of a part of a text in UTF-8, with their places in it.
struct DecodedScalars: Sequence, IteratorProtocol {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let end: Int
    private var position: Int

    /// Offsets count from the start of `bytes`, which hold valid UTF-8.
    init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var underestimatedCount: Int { (end - position + 3) / 4 }

    mutating func next() -> (UInt32, Range<Int32>)? {
        guard position < end else { return nil }
        let (scalar, length) = UTF8Encoding.decode(bytes, position, end: end)
        let source = Int32(clamping: position)..<Int32(clamping: position + length)
        position += length
        return (scalar, source)
    }
}
