public import Ranking

/// Writes posting lists in the format of `PostingList`.
struct PostingListEncoder {
    private var block = ImpactFront()
    private var list = ImpactFront()

    /// Appends one encoded list.
    ///
    /// - Parameters:
    ///   - documents: Ascending.
    ///   - frequencies: One for each document, at least 1.
    ///   - lengths: Terms in each document, by its number; has every document of the list.
    mutating func encode(documents: [UInt32], frequencies: [UInt32], lengths: [UInt32], to bytes: inout [UInt8]) {
        let full = documents.count / PostingList.blockCount
        bytes.append(PostingList.format)
        PostingListEncoder.append(varint: UInt64(documents.count), to: &bytes)
        if full > 0 { encodeBlocks(full, documents: documents, frequencies: frequencies, lengths: lengths, to: &bytes) }
        var previous: Int64 = full > 0 ? Int64(documents[full * PostingList.blockCount - 1]) : -1
        for index in full * PostingList.blockCount..<documents.count {
            let gap = UInt64(Int64(documents[index]) - previous - 1)
            previous = Int64(documents[index])
            if frequencies[index] == 1 {
                PostingListEncoder.append(varint: gap << 1 | 1, to: &bytes)
            } else {
                PostingListEncoder.append(varint: gap << 1, to: &bytes)
                PostingListEncoder.append(varint: UInt64(frequencies[index]) - 2, to: &bytes)
            }
        }
    }

    private mutating func encodeBlocks(
        _ full: Int, documents: [UInt32], frequencies: [UInt32], lengths: [UInt32], to bytes: inout [UInt8]
    ) {
        var table: [UInt8] = []
        var data: [UInt8] = []
        table.reserveCapacity(full * PostingList.tableEntry)
        var gaps = [UInt32](repeating: 0, count: PostingList.blockCount)
        var repeats = gaps
        var previous: Int64 = -1
        list.removeAll()
        for start in stride(from: 0, to: full * PostingList.blockCount, by: PostingList.blockCount) {
            block.removeAll()
            for index in 0..<PostingList.blockCount {
                let document = documents[start + index]
                gaps[index] = UInt32(Int64(document) - previous - 1)
                repeats[index] = frequencies[start + index] - 1
                previous = Int64(document)
                block.insert(frequency: frequencies[start + index], length: lengths[Int(document)])
            }
            list.formUnion(block)
            let gapWidth = BitPacking.width(of: gaps)
            let repeatWidth = BitPacking.width(of: repeats)
            PostingListEncoder.append(UInt32(previous), to: &table)
            PostingListEncoder.append(UInt32(data.count), to: &table)
            table.append(UInt8(gapWidth))
            table.append(UInt8(repeatWidth))
            let impacts = block.impacts(limit: PostingList.impactsPerBlock)
            for index in 0..<PostingList.impactsPerBlock {
                PostingListEncoder.append(index < impacts.count ? impacts[index] : .none, to: &table)
            }
            BitPacking.pack(gaps, width: gapWidth, to: &data)
            BitPacking.pack(repeats, width: repeatWidth, to: &data)
        }
        for index in full * PostingList.blockCount..<documents.count {
            list.insert(frequency: frequencies[index], length: lengths[Int(documents[index])])
        }
        let impacts = list.impacts(limit: PostingList.impactsPerList)
        bytes.append(UInt8(impacts.count))
        for impact in impacts { PostingListEncoder.append(impact, to: &bytes) }
        bytes += table
        bytes += data
    }

    private static func append(_ impact: Impact, to bytes: inout [UInt8]) {
        bytes.append(impact.frequency)
        bytes.append(UInt8(truncatingIfNeeded: impact.length))
        bytes.append(UInt8(truncatingIfNeeded: impact.length >> 8))
    }

    private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    @inline(__always)
    static func append(varint value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

extension PostingList {
    /// Encodes the postings of a term.
    ///
    /// - Parameters:
    ///   - postings: By ascending document, each document once, each frequency at least 1.
    ///   - lengths: Terms in each document, by its number. They go into the bounds of the blocks, so that a search
    ///     must use the same ones.
    ///
    /// Throws `invalidInput` if the postings are otherwise.
    public static func encode(_ postings: [Posting], lengths: [UInt32]) throws(RankingError) -> [UInt8] {
        var previous: Int64 = -1
        for posting in postings {
            guard Int64(posting.document) > previous, Int(posting.document) < lengths.count, posting.frequency > 0
            else {
                throw RankingError(
                    .invalidInput,
                    what:
                        "Document \(posting.document) with frequency \(posting.frequency) follows document \(previous).",
                    why:
                        "Documents ascend, below the \(lengths.count) that have a length, and have a term at least once.",
                    fix: "Sort the postings and join those of the same document.")
            }
            previous = Int64(posting.document)
        }
        var bytes: [UInt8] = []
        var encoder = PostingListEncoder()
        encoder.encode(
            documents: postings.map(\.document), frequencies: postings.map(\.frequency), lengths: lengths, to: &bytes)
        return bytes
    }
}
