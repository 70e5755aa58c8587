/// How a document's length goes into BM25.
public enum LengthEncoding: String, CaseIterable, Sendable {
    /// As it is.
    case exact
    /// As Lucene stores it, in one byte: exact up to 40 terms, then rounded down to 24 plus a number of four significant
    /// bits. Lucene's rankings follow from these lengths; the mean length is exact there, too.
    ///
    /// Source: Lucene's SmallFloat.intToByte4 and byte4ToInt.
    case lucene

    /// Never more than the length, and never less for a longer document.
    @inline(__always)
    func encoded(_ length: UInt32) -> UInt32 {
        guard self == .lucene, length >= 24 else { return length }
        let rest = length - 24
        let shift = UInt32(max(0, 32 - rest.leadingZeroBitCount - 4))
        return 24 + ((rest >> shift) << shift)
    }
}
