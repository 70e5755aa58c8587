import Ranking

/// A document on its way into an index.
public struct IndexEntry: Sendable {
    public var document: IndexDocument
    /// Where its passages are: UTF-8 offsets in the text. One passage is the whole text.
    public var passages: [Range<Int>]
    /// The fp32 vector of each passage, in an index with an embedder.
    public var vectors: [[Float]]
    /// The token vectors of each passage, [tokens, dimension], of unit length and pooled, in an index with a
    /// late-interaction model.
    public var tokenVectors: [[Float]]

    public init(
        _ document: IndexDocument, passages: [Range<Int>]? = nil, vectors: [[Float]] = [],
        tokenVectors: [[Float]] = []
    ) {
        self.document = document
        self.passages = passages ?? [0..<document.text.utf8.count]
        self.vectors = vectors
        self.tokenVectors = tokenVectors
    }

    /// Throws `invalidInput` where the entry does not fit the index.
    func check(_ settings: IndexSettings) throws(RankingError) {
        guard !document.id.isEmpty else {
            throw invalid("has an empty id", why: "Documents are found and deleted by their ids.", fix: "Give it one.")
        }
        let length = document.text.utf8.count
        guard !passages.isEmpty, passages.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= length }) else {
            throw invalid(
                "has passages outside its \(length) bytes of text", why: "Offsets count UTF-8 bytes of the text.",
                fix: "Split the text as it is stored.")
        }
        try checkVectors(settings.embedder?.dimension)
        try checkTokenVectors(settings.lateInteraction?.model.dimension)
    }

    private func checkVectors(_ dimension: Int?) throws(RankingError) {
        guard let dimension else {
            guard vectors.isEmpty else {
                throw invalid(
                    "comes with vectors", why: "The index was built without an embedder.",
                    fix: "Build an index with --embedder.")
            }
            return
        }
        guard vectors.count == passages.count, vectors.allSatisfy({ $0.count == dimension }) else {
            let dimensions = Set(vectors.map(\.count)).sorted().map(String.init).joined(separator: ", ")
            throw invalid(
                "has \(vectors.count) vectors of \(dimensions.isEmpty ? "no" : dimensions) dimensions for \(passages.count) passages",
                why: "Every passage of this index has one vector of \(dimension) dimensions.",
                fix: "Add documents with the embedder that the index was built with.")
        }
    }

    private func checkTokenVectors(_ dimension: Int?) throws(RankingError) {
        guard let dimension else {
            guard tokenVectors.isEmpty else {
                throw invalid(
                    "comes with token vectors", why: "The index was built without a late-interaction model.",
                    fix: "Build an index with --late-interaction.")
            }
            return
        }
        let most = TokenChunk.maxVectorsPerPassage
        guard tokenVectors.count == passages.count,
            tokenVectors.allSatisfy({
                !$0.isEmpty && $0.count % dimension == 0 && $0.count / dimension <= most
                    && IndexEntry.haveUnitLength($0, dimension: dimension)
            })
        else {
            throw invalid(
                "has token vectors for \(tokenVectors.count) of \(passages.count) passages, or vectors that do not fit",
                why: "Every passage of this index has 1 to \(most) vectors of \(dimension) dimensions and unit length.",
                fix: "Add documents with the late-interaction model that the index was built with.")
        }
    }

    /// True also for vectors of no length, which pooling can give.
    private static func haveUnitLength(_ vectors: [Float], dimension: Int) -> Bool {
        stride(from: 0, to: vectors.count, by: dimension).allSatisfy { start in
            let square = vectors[start..<start + dimension].reduce(0.0) { $0 + Double($1) * Double($1) }
            return square == 0 || abs(square - 1) < 0.01
        }
    }

    private func invalid(_ problem: String, why: String, fix: String) -> RankingError {
        RankingError(.invalidInput, what: "Document \"\(document.id)\" \(problem).", why: why, fix: fix)
    }
}

/// What `passage` reads like to BM25 and to an embedder: the title, a space, and the passage.
extension IndexDocument {
    public func passageText(_ passage: Range<Int>) -> String {
        let part = String(decoding: slice(passage), as: UTF8.self)
        return title.isEmpty ? part : title + " " + part
    }

    /// The UTF-8 bytes of a part of the text; offsets outside are moved to its ends.
    func slice(_ range: Range<Int>) -> Substring.UTF8View {
        let range = range.clamped(to: 0..<text.utf8.count)
        let start = text.utf8.index(text.utf8.startIndex, offsetBy: range.lowerBound)
        return text.utf8[start..<text.utf8.index(start, offsetBy: range.count)]
    }
}

/// Where passages are, as stored: varints of each start's distance from the start before and of each length.
enum PassageSpans {
    static func encode(_ passages: [Range<Int>]) -> [UInt8] {
        var bytes: [UInt8] = []
        var previous = 0
        for passage in passages {
            PostingListEncoder.append(varint: UInt64(passage.lowerBound - previous), to: &bytes)
            PostingListEncoder.append(varint: UInt64(passage.count), to: &bytes)
            previous = passage.lowerBound
        }
        return bytes
    }

    /// Throws `corruptFile` unless the bytes are spans inside a text of this length.
    static func decode(_ bytes: [UInt8], textLength: Int) throws(RankingError) -> [Range<Int>] {
        var reader = ByteReader(bytes[...])
        var passages: [Range<Int>] = []
        var previous = 0
        while !reader.isAtEnd {
            let (distance, count) = (try reader.varint(), try reader.varint())
            guard distance <= UInt64(textLength - previous),
                count <= UInt64(textLength - previous) - distance
            else { throw IndexProperty.corrupt("has a passage outside its document") }
            previous += Int(distance)
            passages.append(previous..<previous + Int(count))
        }
        return passages
    }
}
