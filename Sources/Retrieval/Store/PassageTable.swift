import Ranking

/// What a search knows of every passage: its length, whether it is deleted, and where documents begin.
///
/// Passages are numbered in the order of their arrival. A document is its first passage's number; its other passages
/// follow. Stored in chunks of 4,096 passages, five bytes each: the length in terms (4 bytes, little-endian) and flags
/// (1: begins a document, 2: deleted).
struct PassageTable: Sendable {
    static let chunkCount = 4096
    static let bytesPerPassage = 5

    /// Terms in each passage, the title's included, by the passage's number; of the deleted ones too, because the
    /// bounds of posting blocks hold them.
    private(set) var lengths: [UInt32] = []
    private(set) var beginnings = DocumentSet()
    private(set) var deleted = DocumentSet()
    private(set) var deletedCount = 0
    /// Terms in all passages that are not deleted.
    private(set) var totalLength = 0

    var count: Int { lengths.count }
    var liveCount: Int { lengths.count - deletedCount }
    /// Chunks, the last one that is not full included.
    var chunks: Int { (count + PassageTable.chunkCount - 1) / PassageTable.chunkCount }

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
        bytes.reserveCapacity(PassageTable.chunkCount * PassageTable.bytesPerPassage)
        for passage in start..<min(count, start + PassageTable.chunkCount) {
            let length = lengths[passage]
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            let number = UInt32(passage)
            bytes.append((beginnings.contains(number) ? 1 : 0) | (deleted.contains(number) ? 2 : 0))
        }
        return bytes
    }

    /// Appends the chunk that follows those already there. Throws `corruptFile` if the bytes are not one.
    mutating func appendChunk(_ bytes: UnsafeRawBufferPointer) throws(RankingError) {
        let passages = bytes.count / PassageTable.bytesPerPassage
        guard bytes.count % PassageTable.bytesPerPassage == 0, (1...PassageTable.chunkCount).contains(passages),
            count % PassageTable.chunkCount == 0, count + passages < Int(UInt32.max)
        else { throw PassageTable.corrupt("chunk \(chunks) has \(bytes.count) bytes after \(count) passages") }
        lengths.reserveCapacity(count + passages)
        for place in 0..<passages {
            let offset = place * PassageTable.bytesPerPassage
            let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let flags = bytes[offset + 4]
            guard flags < 4, count > 0 || flags & 1 == 1 else {
                throw PassageTable.corrupt("passage \(count) has the flags \(flags)")
            }
            append(length: length, beginsDocument: flags & 1 == 1)
            if flags & 2 == 2 { delete(UInt32(count - 1)) }
        }
    }

    private static func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "The passage table of the index is damaged: \(problem).",
            why: "Every chunk but the last holds \(chunkCount) passages.", fix: "Build the index again.")
    }
}
