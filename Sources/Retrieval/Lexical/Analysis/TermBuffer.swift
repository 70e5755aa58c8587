/// Where a word becomes a term: lowercased, then stemmed, in place.
struct TermBuffer {
    /// A word has at most `WordBreaker.maxUnits` UTF-16 units of at most 3 bytes, lowercase or not.
    static let capacity = WordBreaker.maxUnits * 3

    private let scratch: UnsafeMutableBufferPointer<UInt8>
    private var count = 0

    /// - Parameter scratch: `capacity` bytes.
    init(_ scratch: UnsafeMutableBufferPointer<UInt8>) { self.scratch = scratch }

    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: scratch[0..<count]) }

    @inline(__always)
    mutating func setLowercase(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, isASCII: Bool) {
        guard isASCII else { return setLowercaseUnicode(text, start, end) }
        count = end - start
        for index in 0..<count {
            let byte = text[start + index]
            scratch[index] = byte &- 0x41 < 26 ? byte | 0x20 : byte
        }
    }

    private mutating func setLowercaseUnicode(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) {
        guard let base = scratch.baseAddress else { return }
        count = 0
        var offset = start
        while offset < end {
            let point = CodePoint(in: text, at: offset)
            offset += point.length
            let lower =
                point.value < 0x80
                ? (point.value &- 0x41 < 26 ? point.value | 0x20 : point.value) : UnicodeWords.lowercase(point.value)
            count += CodePoint.write(lower, to: base + count)
        }
    }

    /// Replaces the word by its Porter stem.
    mutating func stem(isASCII: Bool) {
        guard let base = scratch.baseAddress else { return }
        if isASCII {
            count = PorterStemmer.stem(base, count: count)
        } else {
            stemUnicode(base)
        }
    }

    /// The stemmer reads UTF-16, as Lucene's does: a character of several bytes is one consonant.
    private mutating func stemUnicode(_ base: UnsafeMutablePointer<UInt8>) {
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: WordBreaker.maxUnits * 2) { units in
            guard let first = units.baseAddress else { return }
            let read = bytes
            var length = 0
            var offset = 0
            while offset < count {
                let point = CodePoint(in: read, at: offset)
                offset += point.length
                for unit in UTF16.encode(Unicode.Scalar(point.value) ?? "\u{fffd}") ?? UTF16.encodedReplacementCharacter
                {
                    first[length] = unit
                    length += 1
                }
            }
            let stem = PorterStemmer.stem(first, count: length)
            count = 0
            var decoder = UnsafeBufferPointer(start: first, count: stem).makeIterator()
            var codec = UTF16()
            while case .scalarValue(let scalar) = codec.decode(&decoder) {
                count += CodePoint.write(scalar.value, to: base + count)
            }
        }
    }
}
