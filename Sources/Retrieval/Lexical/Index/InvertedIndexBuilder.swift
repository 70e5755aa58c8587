public import Ranking

/// Collects documents, one at a time, into an inverted index.
///
/// In memory are the distinct terms, 2 to 4 bytes for each posting, and 4 bytes for each document; no text. A caller
/// that needs a limit looks at `byteCount` after each document and finishes the index there.
public struct InvertedIndexBuilder: Sendable {
    public let analyzer: Analyzer
    /// Terms in each document, by its number.
    public private(set) var lengths: [UInt32] = []
    private var totalLength = 0
    private var terms = TermTable()
    private var chains = PostingChains()

    public init(analyzer: Analyzer) { self.analyzer = analyzer }

    /// A builder of one more part of an index: its documents are numbered on from those that have these lengths, and
    /// its lists hold the new ones only.
    init(analyzer: Analyzer, after lengths: [UInt32]) {
        self.analyzer = analyzer
        self.lengths = lengths
    }

    public var documentCount: Int { lengths.count }
    /// Distinct terms.
    public var termCount: Int { terms.count }
    /// Bytes of memory in use, about.
    public var byteCount: Int { terms.byteCount + chains.byteCount + 4 * lengths.capacity }

    /// Adds a document and returns its number: 0 for the first, then one more for each. Throws `invalidInput` once
    /// there are 2³² - 2 documents.
    @discardableResult
    public mutating func add(_ text: String) throws(RankingError) -> UInt32 {
        guard lengths.count < Int(UInt32.max) - 1 else {
            throw RankingError(
                .invalidInput, what: "The index is full: it has \(lengths.count) documents.",
                why: "Document numbers have 32 bits.", fix: "Use several indexes.")
        }
        let document = UInt32(lengths.count)
        var length = 0
        analyzer.forEachTerm(of: text) { bytes, _ in
            let (term, isNew) = terms.number(of: bytes)
            if isNew { chains.begin(document: document) } else { chains.add(term, document: document) }
            length += 1
        }
        lengths.append(UInt32(clamping: length))
        totalLength += length
        return document
    }

    /// The index of all documents so far.
    public consuming func finish() -> InvertedIndex {
        var bytes: [UInt8] = []
        var entries: [InvertedIndex.Entry] = []
        entries.reserveCapacity(terms.count)
        var keys: [UInt8] = []
        var documents: [UInt32] = []
        var frequencies: [UInt32] = []
        var encoder = PostingListEncoder()
        for term in terms.sorted() {
            chains.read(term, documents: &documents, frequencies: &frequencies)
            encoder.encode(documents: documents, frequencies: frequencies, lengths: lengths, to: &bytes)
            keys += terms.bytes(of: term)
            entries.append(InvertedIndex.Entry(keyEnd: keys.count, postingsEnd: bytes.count))
        }
        return InvertedIndex(
            analyzer: analyzer, lengths: lengths,
            collection: CollectionStatistics(documentCount: lengths.count, totalLength: totalLength), keys: keys,
            bytes: bytes, entries: entries)
    }
}
