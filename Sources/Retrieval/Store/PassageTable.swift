import Ranking

/// What a search knows of every passage: its length, whether it is deleted, and where documents begin.
///
/// Passages are numbered in the order of their arrival. A document is its first passage's number; its other passages
/// follow. Stored in chunks of 4,096 passages: a bit for each that begins a document, a bit for each that is deleted (512
/// bytes each, lowest bit first), and the lengths in terms, 4 bytes each; all little-endian.
struct PassageTable: Sendable {
    static let chunkCount = 4096
    private static let wordsPerChunk = chunkCount / 64

    /// Terms in each passage, the title's included, by the passage's number; of the deleted ones too, because the
    /// bounds of posting blocks hold them.
    private(set) var lengths: [UInt32] = []
    private(set) var beginnings = DocumentSet()
    private(set) var deleted = DocumentSet()
    private(set) var deletedCount = 0
    /// Terms in all passages that are not deleted.
    private(set) var totalLength = 0

    init() {}

    /// An empty table with room.
    init(capacity: Int) { lengths.reserveCapacity(capacity) }

    var count: Int { lengths.count }
    var liveCount: Int { lengths.count - deletedCount }
    /// Chunks, the last one that is not full included.
    var chunks: Int { (count + PassageTable.chunkCount - 1) / PassageTable.chunkCount }

    /// True if a document, deleted or not, has more than one passage.
    var hasSplitDocuments: Bool { beginnings.count < count }

    var collection: CollectionStatistics {
        CollectionStatistics(documentCount: liveCount, totalLength: totalLength)
    }

    mutating func append(length: UInt32, beginsDocument: Bool) {
        if beginsDocument { beginnings.insert(UInt32(count)) }
        lengths.append(length)
        totalLength += Int(length)
    }

    mutating func delete(_ passage: UInt32) {
        guard Int(passage) < count, !deleted.contains(passage) else { return }
        deleted.insert(passage)
        deletedCount += 1
        totalLength -= Int(lengths[Int(passage)])
    }

    /// The passages of the document that begins with this one.
    func passages(ofDocument first: UInt32) -> Range<UInt32> {
        var end = first + 1
        while Int(end) < count, !beginnings.contains(end) { end += 1 }
        return first..<end
    }

    /// The document that a passage belongs to.
    func document(of passage: UInt32) -> UInt32 {
        var first = passage
        while first > 0, !beginnings.contains(first) { first -= 1 }
        return first
    }

    func encodeChunk(_ chunk: Int) -> [UInt8] {
        let start = chunk * PassageTable.chunkCount
        var bytes: [UInt8] = []
        bytes.reserveCapacity(PassageTable.chunkCount * 5)
        for set in [beginnings, deleted] {
            for word in 0..<PassageTable.wordsPerChunk {
                withUnsafeBytes(of: set.word(start / 64 + word).littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        for length in lengths[start..<min(count, start + PassageTable.chunkCount)] {
            withUnsafeBytes(of: length.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Appends the chunk that follows those already there. Throws `corruptFile` if the bytes are not one.
    mutating func appendChunk(_ bytes: UnsafeRawBufferPointer) throws(RankingError) {
        let setBytes = 8 * PassageTable.wordsPerChunk
        let passages = (bytes.count - 2 * setBytes) / 4
        let start = count
        guard bytes.count % 4 == 0, (1...PassageTable.chunkCount).contains(passages),
            start % PassageTable.chunkCount == 0, start + passages < Int(UInt32.max)
        else { throw PassageTable.corrupt("chunk \(chunks) has \(bytes.count) bytes after \(count) passages") }
        func word(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        for place in 0..<PassageTable.wordsPerChunk {
            // No bit may stand for a passage that is not there.
            let rest = passages - place * 64
            let used: UInt64 = rest >= 64 ? .max : rest > 0 ? (1 << UInt64(rest)) - 1 : 0
            let (begins, isDeleted) = (word(8 * place), word(setBytes + 8 * place))
            guard (begins | isDeleted) & ~used == 0, start > 0 || place > 0 || begins & 1 == 1 else {
                throw PassageTable.corrupt("chunk \(chunks) marks passages that are not there")
            }
            beginnings.setWord(start / 64 + place, begins)
            deleted.setWord(start / 64 + place, isDeleted)
            deletedCount += isDeleted.nonzeroBitCount
        }
        for place in 0..<passages {
            let offset = 2 * setBytes + 4 * place
            lengths.append(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
        totalLength += lengths[start...].reduce(0) { $0 + Int($1) }
        deleted.forEach(in: UInt32(start)..<UInt32(start + passages)) { totalLength -= Int(lengths[Int($0)]) }
    }

    private static func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "The passage table of the index is damaged: \(problem).",
            why: "Every chunk but the last holds \(PassageTable.chunkCount) passages.", fix: "Build the index again.")
    }
}
