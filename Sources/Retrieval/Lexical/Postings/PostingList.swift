public import Ranking

/// The documents that have a term, and how often each has it, in one run of bytes.
///
/// All numbers are little-endian; a varint is LEB128, seven bits a byte, lowest first. With `full = count / 128`:
///
/// | bytes | content |
/// |---|---|
/// | 1 | the format, 1 |
/// | varint | `count`, the documents |
/// | if `full > 0`: 1 + 3 · n | n (1 ... 8), then n impacts that bound the whole list |
/// | 19 · `full` | a table of the full blocks: last document (4 bytes), start of the block's data (4, from the first block's), widths of gaps and of frequencies (1 each), three impacts (3 each) |
/// | 16 · (both widths), for each block | 128 gaps, then 128 frequencies less 1, packed by `BitPacking` |
/// | varints | the last `count mod 128` postings: `gap · 2 + 1` where the frequency is 1; else `gap · 2`, then the frequency less 2 |
///
/// A gap is the distance from the document before, less 1; the first document's is its number. Opening a list checks
/// the whole structure but for the packed data, so that decoding stays inside the bytes whatever they are; a block whose
/// gaps do not lead to its last document is an error when it is decoded.
public struct PostingList: Sendable {
    /// df, the documents that have the term.
    public let count: Int
    /// The highest document number; nil for an empty list.
    public let lastDocument: UInt32?
    let fullBlocks: Int
    let bytes: ArraySlice<UInt8>
    /// Offsets in `bytes`, from its start.
    private let impactsStart: Int
    private let impactsCount: Int
    private let tableStart: Int
    private let dataStart: Int
    private let tailStart: Int

    static let format: UInt8 = 1
    static let tableEntry = 19
    static let impactsPerBlock = 3
    static let impactsPerList = 8
    static let blockCount = BitPacking.blockCount

    /// Opens an encoded list. Throws `corruptFile` if the bytes are not one.
    public init(bytes: ArraySlice<UInt8>) throws(RankingError) {
        self.bytes = bytes
        var reader = ByteReader(bytes)
        guard try reader.byte() == PostingList.format else { throw reader.corrupt("its format is not 1") }
        let count = try reader.varint()
        guard count <= UInt64(UInt32.max) else { throw reader.corrupt("it claims \(count) documents") }
        self.count = Int(count)
        fullBlocks = self.count / PostingList.blockCount
        impactsCount = fullBlocks > 0 ? Int(try reader.byte()) : 0
        impactsStart = reader.offset
        guard impactsCount <= PostingList.impactsPerList, fullBlocks == 0 || impactsCount > 0 else {
            throw reader.corrupt("it claims \(impactsCount) impacts")
        }
        try reader.skip(impactsCount * Impact.byteCount)
        tableStart = reader.offset
        try reader.skip(fullBlocks * PostingList.tableEntry)
        dataStart = reader.offset
        var last: Int64 = -1
        var dataCount = 0
        for block in 0..<fullBlocks {
            let entry = tableStart + block * PostingList.tableEntry
            let lastOfBlock = Int64(reader.uint32(at: entry))
            guard lastOfBlock >= last + Int64(PostingList.blockCount) else {
                throw reader.corrupt("the documents of block \(block) do not ascend")
            }
            last = lastOfBlock
            guard Int(reader.uint32(at: entry + 4)) == dataCount else {
                throw reader.corrupt("block \(block) does not start where the block before ends")
            }
            let (gapWidth, frequencyWidth) = (Int(reader.uint8(at: entry + 8)), Int(reader.uint8(at: entry + 9)))
            guard gapWidth <= 32, frequencyWidth <= 32 else {
                throw reader.corrupt("block \(block) has too wide numbers")
            }
            dataCount += BitPacking.byteCount(width: gapWidth + frequencyWidth)
        }
        try reader.skip(dataCount)
        tailStart = reader.offset
        for _ in 0..<self.count % PostingList.blockCount { last += Int64(try reader.tailPosting().gap) + 1 }
        guard last < Int64(UInt32.max) else { throw reader.corrupt("it has document \(last)") }
        guard reader.isAtEnd else { throw reader.corrupt("bytes follow the last document") }
        lastDocument = last < 0 ? nil : UInt32(last)
    }

    /// Of the encoded list.
    var byteCount: Int { bytes.count }

    public init(bytes: [UInt8]) throws(RankingError) { try self.init(bytes: bytes[...]) }

    /// All blocks, the one at the end that is not full included.
    var blocks: Int { (count + PostingList.blockCount - 1) / PostingList.blockCount }

    func count(ofBlock block: Int) -> Int {
        block < fullBlocks ? PostingList.blockCount : count % PostingList.blockCount
    }

    /// The last document of a block.
    func lastDocument(ofBlock block: Int) -> UInt32 {
        block < fullBlocks
            ? ByteReader(bytes).uint32(at: tableStart + block * PostingList.tableEntry) : lastDocument ?? 0
    }

    /// The most that a document of a full block can get.
    func bound(ofBlock block: Int, _ scorer: TermScorer) -> Double {
        let start = tableStart + block * PostingList.tableEntry + 10
        return bound(start: start, count: PostingList.impactsPerBlock, scorer)
    }

    /// The most that a document can get; nil if the list has no full block, and so no stored bound.
    func bound(_ scorer: TermScorer) -> Double? {
        fullBlocks > 0 ? bound(start: impactsStart, count: impactsCount, scorer) : nil
    }

    private func bound(start: Int, count: Int, _ scorer: TermScorer) -> Double {
        let reader = ByteReader(bytes)
        var best = 0.0
        for index in 0..<count {
            let impact = reader.impact(at: start + index * Impact.byteCount)
            if impact.frequency > 0 { best = max(best, impact.bound(scorer)) }
        }
        return best
    }

    /// Writes the documents of a block and, for the last block that is not full, the frequencies.
    ///
    /// - Parameter documents, frequencies: Room for 128 each.
    func decodeDocuments(
        ofBlock block: Int, _ documents: UnsafeMutablePointer<UInt32>, _ frequencies: UnsafeMutablePointer<UInt32>
    ) throws(RankingError) {
        var previous = block > 0 ? Int64(lastDocument(ofBlock: block - 1)) : -1
        guard block < fullBlocks else { return try decodeTail(after: previous, documents, frequencies) }
        let reader = ByteReader(bytes)
        let entry = tableStart + block * PostingList.tableEntry
        let start = dataStart + Int(reader.uint32(at: entry + 4))
        let width = Int(reader.uint8(at: entry + 8))
        bytes.withUnsafeBytes { raw in
            if let base = raw.baseAddress { BitPacking.unpack(base + start, width: width, to: documents) }
        }
        for index in 0..<PostingList.blockCount {
            previous += Int64(documents[index]) + 1
            documents[index] = UInt32(truncatingIfNeeded: previous)
        }
        guard previous == Int64(reader.uint32(at: entry)) else {
            throw reader.corrupt("the gaps of block \(block) do not lead to its last document")
        }
    }

    /// Writes the frequencies of a full block.
    func decodeFrequencies(ofBlock block: Int, _ frequencies: UnsafeMutablePointer<UInt32>) {
        let reader = ByteReader(bytes)
        let entry = tableStart + block * PostingList.tableEntry
        let gapWidth = Int(reader.uint8(at: entry + 8))
        let start = dataStart + Int(reader.uint32(at: entry + 4)) + BitPacking.byteCount(width: gapWidth)
        bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return }
            BitPacking.unpack(base + start, width: Int(reader.uint8(at: entry + 9)), to: frequencies)
        }
        for index in 0..<PostingList.blockCount { frequencies[index] &+= 1 }
    }

    private func decodeTail(
        after last: Int64, _ documents: UnsafeMutablePointer<UInt32>, _ frequencies: UnsafeMutablePointer<UInt32>
    ) throws(RankingError) {
        var previous = last
        var reader = ByteReader(bytes, offset: tailStart)
        for index in 0..<count % PostingList.blockCount {
            let posting = try reader.tailPosting()
            previous += Int64(posting.gap) + 1
            documents[index] = UInt32(truncatingIfNeeded: previous)
            frequencies[index] = posting.frequency
        }
    }

    /// All postings, by ascending document. Throws `corruptFile` if a block contradicts itself.
    public func postings() throws(RankingError) -> [Posting] {
        var postings: [Posting] = []
        postings.reserveCapacity(count)
        let room = UnsafeMutablePointer<UInt32>.allocate(capacity: 2 * PostingList.blockCount)
        defer { room.deallocate() }
        let frequencies = room + PostingList.blockCount
        for block in 0..<blocks {
            try decodeDocuments(ofBlock: block, room, frequencies)
            if block < fullBlocks { decodeFrequencies(ofBlock: block, frequencies) }
            for index in 0..<count(ofBlock: block) {
                postings.append(Posting(document: room[index], frequency: frequencies[index]))
            }
        }
        return postings
    }
}

/// A document, by its number in the index, and how often it has a term.
public struct Posting: Sendable, Hashable {
    public var document: UInt32
    /// At least 1.
    public var frequency: UInt32

    public init(document: UInt32, frequency: UInt32) {
        self.document = document
        self.frequency = frequency
    }
}
