import Ranking

/// A place in one term's posting list that only moves forward, one decoded block at a time.
///
/// Its buffers are freed by `deallocate()`, not by themselves: a search keeps its cursors in one array and frees them
/// together.
struct PostingCursor {
    static let end = UInt32.max

    let scorer: TermScorer
    /// No document of the list gets more.
    let bound: Double
    private let list: PostingList
    /// The list's first document: a part of a longer list can begin far into the index.
    private var first: UInt32 = 0
    private let blocks: Int

    /// The decoded block: its number, its postings, and the place in it.
    private(set) var block = 0
    private(set) var count = 0
    private(set) var position = 0
    private var hasFrequencies = false
    let documents: UnsafeMutablePointer<UInt32>
    let frequencies: UnsafeMutablePointer<UInt32>

    /// The first block that can have the document that was last asked for; it need not be decoded.
    private(set) var shallow = 0
    private let lasts: UnsafeMutablePointer<UInt32>
    /// Negative where not computed yet.
    private let bounds: UnsafeMutablePointer<Double>

    /// - Parameters:
    ///   - list: Not empty.
    ///   - lengths: Of all documents of the list.
    init(_ list: PostingList, scorer: TermScorer, lengths: UnsafeBufferPointer<UInt32>) throws(RankingError) {
        self.list = list
        self.scorer = scorer
        blocks = list.blocks
        documents = .allocate(capacity: 2 * PostingList.blockCount)
        documents.initialize(repeating: 0, count: 2 * PostingList.blockCount)
        frequencies = documents + PostingList.blockCount
        lasts = .allocate(capacity: blocks)
        bounds = .allocate(capacity: blocks)
        for block in 0..<blocks {
            (lasts + block).initialize(to: list.lastDocument(ofBlock: block))
            (bounds + block).initialize(to: -1)
        }
        do {
            if blocks > list.fullBlocks {
                try list.decodeDocuments(ofBlock: blocks - 1, documents, frequencies)
                var best = 0.0
                for index in 0..<list.count(ofBlock: blocks - 1) {
                    let length = Double(lengths[Int(documents[index])])
                    best = max(best, scorer.score(frequency: Double(frequencies[index]), length: length))
                }
                bounds[blocks - 1] = best
            }
            bound = list.bound(scorer) ?? bounds[blocks - 1]
            try load(0)
            first = documents[0]
        } catch {
            documents.deallocate()
            lasts.deallocate()
            bounds.deallocate()
            throw error
        }
    }

    func deallocate() {
        documents.deallocate()
        lasts.deallocate()
        bounds.deallocate()
    }

    /// The document at this place; `end` after the last one.
    @inline(__always)
    var document: UInt32 { position < count ? documents[position] : PostingCursor.end }

    /// The frequency of `document`.
    @inline(__always)
    var frequency: UInt32 {
        mutating get {
            decodeFrequencies()
            return frequencies[position]
        }
    }

    /// Fills `frequencies` for the decoded block.
    @inline(__always)
    mutating func decodeFrequencies() {
        if hasFrequencies { return }
        list.decodeFrequencies(ofBlock: block, frequencies)
        hasFrequencies = true
    }

    private mutating func load(_ number: Int) throws(RankingError) {
        try list.decodeDocuments(ofBlock: number, documents, frequencies)
        block = number
        count = list.count(ofBlock: number)
        position = 0
        hasFrequencies = number >= list.fullBlocks
    }

    /// Moves to the first document at or after `target`, and returns it.
    @inline(__always)
    mutating func advance(to target: UInt32) throws(RankingError) -> UInt32 {
        if position < count, documents[position] >= target { return documents[position] }
        return try seek(target)
    }

    private mutating func seek(_ target: UInt32) throws(RankingError) -> UInt32 {
        if count == 0 { return PostingCursor.end }
        skipBlocks(to: target)
        guard shallow < blocks else {
            count = 0
            return PostingCursor.end
        }
        if shallow != block { try load(shallow) }
        var low = position
        var high = count - 1
        while low < high {
            let middle = (low + high) / 2
            if documents[middle] < target { low = middle + 1 } else { high = middle }
        }
        position = low
        return documents[low]
    }

    /// Moves to `place` in the decoded block; its count moves to the next block.
    @inline(__always)
    mutating func move(to place: Int) throws(RankingError) {
        position = place
        guard place == count else { return }
        if block + 1 < blocks {
            try load(block + 1)
            shallow = max(shallow, block)
        } else {
            count = 0
            position = 0
            shallow = blocks
        }
    }

    /// Moves `shallow` to the block that holds the first document at or after `target`, without decoding it.
    @inline(__always)
    mutating func skipBlocks(to target: UInt32) {
        while shallow < blocks, lasts[shallow] < target { shallow += 1 }
    }

    /// The last document of the `shallow` block; nil after the last block.
    @inline(__always)
    var shallowLast: UInt32? { shallow < blocks ? lasts[shallow] : nil }

    /// No document of the `shallow` block gets more; 0 after the last block.
    @inline(__always)
    var shallowBound: Double { shallow < blocks ? bound(ofBlock: shallow) : 0 }

    /// No document in `start ..< end` gets more.
    mutating func bound(from start: UInt32, to end: UInt32) -> Double {
        if first >= end { return 0 }
        skipBlocks(to: start)
        var best = 0.0
        var number = shallow
        while number < blocks {
            best = max(best, bound(ofBlock: number))
            if lasts[number] >= end - 1 || best == bound { break }
            number += 1
        }
        return best
    }

    @inline(__always)
    private func bound(ofBlock number: Int) -> Double {
        if bounds[number] < 0 { bounds[number] = list.bound(ofBlock: number, scorer) }
        return bounds[number]
    }
}
