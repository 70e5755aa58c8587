import Ranking

/// The centroids of the tokens of consecutive passages, as one row of the index holds them, and for each centroid the
/// passages that have a token of it.
///
/// Two blobs make a chunk: how many vectors each passage has, and the number of each vector's centroid; both of 2 bytes,
/// little-endian.
struct TokenChunk: Sendable, Equatable {
    /// The same passages as in a chunk of the passage table.
    static let maxCount = PassageTable.chunkCount
    /// What a count of 2 bytes can say.
    static let maxVectorsPerPassage = Int(UInt16.max)

    let firstPassage: UInt32
    /// Where each passage's tokens begin, and the end of the last one's.
    let starts: [UInt32]
    let centroids: [UInt16]
    /// Passages of centroid c, as places in the chunk, ascending: members[lists[c] ..< lists[c + 1]].
    private let lists: [UInt32]
    private let members: [UInt16]

    var count: Int { starts.count - 1 }

    /// - Parameter passages: The centroids of each passage's tokens, each below `centroidCount`.
    init(firstPassage: UInt32, passages: [[UInt16]], centroidCount: Int) {
        self.firstPassage = firstPassage
        var starts: [UInt32] = [0]
        for passage in passages { starts.append(starts[starts.count - 1] + UInt32(passage.count)) }
        self.starts = starts
        centroids = passages.flatMap(\.self)
        (lists, members) = TokenChunk.invert(starts, centroids, centroidCount)
    }

    /// As it was stored. Throws `corruptFile` where the blobs do not fit together.
    init(
        firstPassage: UInt32, counts: [UInt8], centroids bytes: [UInt8], centroidCount: Int
    ) throws(RankingError) {
        guard let counts = TokenChunk.numbers(counts), let centroids = TokenChunk.numbers(bytes),
            (1...TokenChunk.maxCount).contains(counts.count),
            counts.reduce(0, { $0 + Int($1) }) == centroids.count,
            centroids.allSatisfy({ Int($0) < centroidCount })
        else { throw IndexProperty.corrupt("has a damaged chunk of token vectors at passage \(firstPassage)") }
        self.firstPassage = firstPassage
        var starts: [UInt32] = [0]
        starts.reserveCapacity(counts.count + 1)
        for count in counts { starts.append(starts[starts.count - 1] + UInt32(count)) }
        self.starts = starts
        self.centroids = centroids
        (lists, members) = TokenChunk.invert(starts, centroids, centroidCount)
    }

    var countBytes: [UInt8] { TokenChunk.bytes(zip(starts, starts.dropFirst()).map { UInt16($1 - $0) }) }
    var centroidBytes: [UInt8] { TokenChunk.bytes(centroids) }

    /// The centroids of the tokens of a passage, by its place in the chunk.
    func passage(_ place: Int) -> ArraySlice<UInt16> { centroids[Int(starts[place])..<Int(starts[place + 1])] }

    /// The places of the passages that have a token of this centroid, ascending.
    func passages(of centroid: Int) -> ArraySlice<UInt16> {
        members[Int(lists[centroid])..<Int(lists[centroid + 1])]
    }

    private static func invert(
        _ starts: [UInt32], _ centroids: [UInt16], _ centroidCount: Int
    ) -> (lists: [UInt32], members: [UInt16]) {
        var lists = [UInt32](repeating: 0, count: centroidCount + 1)
        // The last passage that was counted for each centroid, plus 1: a passage is in a list once.
        var last = [UInt16](repeating: 0, count: centroidCount)
        func forEachFirst(_ body: (_ passage: Int, _ centroid: Int) -> Void) {
            for place in last.indices { last[place] = 0 }
            for passage in 0..<starts.count - 1 {
                for token in Int(starts[passage])..<Int(starts[passage + 1]) {
                    let centroid = Int(centroids[token])
                    guard last[centroid] != UInt16(passage + 1) else { continue }
                    last[centroid] = UInt16(passage + 1)
                    body(passage, centroid)
                }
            }
        }
        forEachFirst { lists[$1 + 1] += 1 }
        for centroid in 0..<centroidCount { lists[centroid + 1] += lists[centroid] }
        var next = lists
        var members = [UInt16](repeating: 0, count: Int(lists[centroidCount]))
        forEachFirst { passage, centroid in
            members[Int(next[centroid])] = UInt16(passage)
            next[centroid] += 1
        }
        return (lists, members)
    }

    private static func numbers(_ bytes: [UInt8]) -> [UInt16]? {
        guard bytes.count % 2 == 0 else { return nil }
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / 2).map {
                UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
            }
        }
    }

    private static func bytes(_ numbers: [UInt16]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * numbers.count)
        for number in numbers { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
        return bytes
    }
}
