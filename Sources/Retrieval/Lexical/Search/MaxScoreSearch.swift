import Ranking

/// One search of `MaxScore`.
struct MaxScoreSearch {
    /// Documents of a window that several essential lists fill together.
    private static let chunk: UInt32 = 4096
    /// Windows are not made smaller, however short the blocks are.
    private static let smallestWindow: UInt32 = 1024

    private let cursors: UnsafeMutableBufferPointer<PostingCursor>
    private let lengths: UnsafeBufferPointer<UInt32>
    private let deleted: DocumentSet?
    private let filter: DocumentSet?
    private var top: TopDocuments
    private let end: UInt32

    /// The cursors by ascending bound of their whole lists.
    private let byListBound: [Int]
    /// The cursors by ascending bound in the current window.
    private var order: [Int]
    private var windowBounds: [Double]
    /// `reach[i]`: the most that a document of the window gets from the first `i` cursors of `order`.
    private var reach: [Double]

    /// The sums, and one bit for each document that has a sum, of the current chunk.
    private var sums: [Double] = []
    private var seen: [UInt64] = []

    init(
        _ cursors: UnsafeMutableBufferPointer<PostingCursor>, lengths: UnsafeBufferPointer<UInt32>,
        deleted: DocumentSet?, filter: DocumentSet?, limit: Int
    ) {
        self.cursors = cursors
        self.lengths = lengths
        self.deleted = deleted
        self.filter = filter
        top = TopDocuments(limit: limit)
        end = UInt32(lengths.count)
        byListBound = cursors.indices.sorted { cursors[$0].bound < cursors[$1].bound }
        order = byListBound
        windowBounds = [Double](repeating: 0, count: cursors.count)
        reach = [Double](repeating: 0, count: cursors.count + 1)
    }

    mutating func run() throws(RankingError) -> [ScoredDocument] {
        var start: UInt32 = 0
        while let window = try nextWindow(from: start) {
            let essential = orderTerms(in: window)
            if essential == cursors.count - 1 {
                try scanSingle(window, essential)
            } else if essential < cursors.count {
                var chunkStart = window.lowerBound
                while chunkStart < window.upperBound {
                    let chunkEnd = min(
                        window.upperBound, chunkStart + min(MaxScoreSearch.chunk, window.upperBound - chunkStart))
                    try scanChunk(chunkStart..<chunkEnd, essential)
                    chunkStart = chunkEnd
                }
            }
            start = window.upperBound
        }
        return top.sorted()
    }

    /// The next documents to look at: up to the end of the first block of a list that is essential by its whole bound.
    private func nextWindow(from start: UInt32) throws(RankingError) -> Range<UInt32>? {
        var reachable = 0.0
        var first = PostingCursor.end
        var last = end - 1
        for index in byListBound {
            reachable += cursors[index].bound
            if reachable <= top.threshold { continue }
            let next = try cursors[index].advance(to: start)
            first = min(first, next)
            cursors[index].skipBlocks(to: start)
            if let blockEnd = cursors[index].shallowLast { last = min(last, blockEnd) }
        }
        guard first < end else { return nil }
        let smallest = min(end - first, MaxScoreSearch.smallestWindow)
        return first..<max(last + 1, first + smallest)
    }

    /// Orders the terms by what they can add in the window; returns where the essential ones start.
    private mutating func orderTerms(in window: Range<UInt32>) -> Int {
        for index in cursors.indices {
            windowBounds[index] = cursors[index].bound(from: window.lowerBound, to: window.upperBound)
        }
        for place in 1..<max(1, order.count) {
            let index = order[place]
            var slot = place
            while slot > 0, windowBounds[order[slot - 1]] > windowBounds[index] {
                order[slot] = order[slot - 1]
                slot -= 1
            }
            order[slot] = index
        }
        var essential = 0
        for (place, index) in order.enumerated() {
            reach[place + 1] = reach[place] + windowBounds[index]
            if reach[place + 1] <= top.threshold { essential = place + 1 }
        }
        return essential
    }

    /// One list is essential: its documents are candidates.
    private mutating func scanSingle(_ window: Range<UInt32>, _ essential: Int) throws(RankingError) {
        let index = order[essential]
        let scorer = cursors[index].scorer
        let rest = reach[essential]
        var document = try cursors[index].advance(to: window.lowerBound)
        while document < window.upperBound {
            cursors[index].decodeFrequencies()
            let (documents, frequencies) = (cursors[index].documents, cursors[index].frequencies)
            let count = cursors[index].count
            var place = cursors[index].position
            while place < count, documents[place] < window.upperBound {
                document = documents[place]
                let score = scorer.score(
                    frequency: Double(frequencies[place]), length: Double(lengths[Int(document)]))
                if score + rest > top.threshold { try complete(document, score, essential) }
                place += 1
            }
            try cursors[index].move(to: place)
            document = cursors[index].document
        }
    }

    /// Several lists are essential: their scores are summed for all documents of a chunk.
    private mutating func scanChunk(_ chunk: Range<UInt32>, _ essential: Int) throws(RankingError) {
        if sums.isEmpty {
            sums = [Double](repeating: 0, count: Int(MaxScoreSearch.chunk))
            seen = [UInt64](repeating: 0, count: Int(MaxScoreSearch.chunk) / 64)
        }
        for place in essential..<order.count { try accumulate(order[place], chunk) }
        let rest = reach[essential]
        for word in 0..<(chunk.count + 63) / 64 where seen[word] != 0 {
            var bits = seen[word]
            seen[word] = 0
            while bits != 0 {
                let slot = word * 64 + bits.trailingZeroBitCount
                bits &= bits - 1
                let score = sums[slot]
                sums[slot] = 0
                if score + rest > top.threshold {
                    try complete(chunk.lowerBound + UInt32(slot), score, essential)
                }
            }
        }
    }

    private mutating func accumulate(_ index: Int, _ chunk: Range<UInt32>) throws(RankingError) {
        let scorer = cursors[index].scorer
        let lengths = lengths
        let cursor = cursors.baseAddress.map { $0 + index }
        guard let cursor else { return }
        var document = try cursor.pointee.advance(to: chunk.lowerBound)
        while document < chunk.upperBound {
            cursor.pointee.decodeFrequencies()
            let (documents, frequencies) = (cursor.pointee.documents, cursor.pointee.frequencies)
            let count = cursor.pointee.count
            var place = cursor.pointee.position
            sums.withUnsafeMutableBufferPointer { sums in
                seen.withUnsafeMutableBufferPointer { seen in
                    while place < count, documents[place] < chunk.upperBound {
                        let found = documents[place]
                        let slot = Int(found - chunk.lowerBound)
                        sums[slot] += scorer.score(
                            frequency: Double(frequencies[place]), length: Double(lengths[Int(found)]))
                        seen[slot / 64] |= 1 << UInt64(slot % 64)
                        place += 1
                    }
                }
            }
            try cursor.pointee.move(to: place)
            document = cursor.pointee.document
        }
    }

    /// Adds what the non-essential terms give to a document, from the highest down, as long as it can be among the best.
    private mutating func complete(
        _ document: UInt32, _ partial: Double, _ essential: Int
    ) throws(RankingError) {
        if let deleted, deleted.contains(document) { return }
        if let filter, !filter.contains(document) { return }
        var score = partial
        for place in stride(from: essential - 1, through: 0, by: -1) {
            if score + reach[place + 1] <= top.threshold { return }
            let index = order[place]
            cursors[index].skipBlocks(to: document)
            if score + reach[place] + cursors[index].shallowBound <= top.threshold { return }
            if try cursors[index].advance(to: document) == document {
                score += cursors[index].scorer.score(
                    frequency: Double(cursors[index].frequency), length: Double(lengths[Int(document)]))
            }
        }
        top.insert(document, score)
    }
}
