import GRDB
import Inference
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The centroids of an index, and how its rows are written.
struct StoredCentroids: Sendable {
    let centroids: Centroids
    let codec: TokenVectorCodec

    /// Of an index that never had a passage: a centroid that no vector is near to.
    init(ofNothing settings: TokenVectorSettings, kernels: Kernels) {
        let dimension = settings.model.dimension
        centroids = Centroids(
            values: [Float](repeating: 0, count: dimension), dimension: dimension, kernels: kernels)
        codec = TokenVectorCodec(settings.form.beforeCentroids, dimension: dimension, kernels: kernels)
    }

    /// Nil for an index that is not finished.
    init?(_ settings: TokenVectorSettings, kernels: Kernels, _ db: Database) throws {
        let dimension = settings.model.dimension
        var values: [Float] = []
        var count = 0
        let rows = try Row.fetchCursor(db, sql: "SELECT number, components FROM centroid ORDER BY number")
        while let row = try rows.next() {
            let components = try row.blob(1)
            guard try row.integer(0) == count, components.count == 4 * dimension, count < Centroids.maxCount else {
                throw IndexProperty.corrupt("has a damaged table of centroids")
            }
            components.withUnsafeBytes { LittleEndian.append($0, to: &values) }
            count += 1
        }
        guard count > 0 else { return nil }
        guard values.withUnsafeBufferPointer(Kernels.allFinite) else {
            throw IndexProperty.corrupt("has centroids that are not made of finite numbers")
        }
        var levels: ResidualLevels?
        if let bits = settings.form.residualBits {
            let stored = try IndexProperty.tokenLevels.bytes(db).flatMap(LittleEndian.floats) ?? []
            levels = ResidualLevels(levels: stored, bits: bits)
            guard levels != nil else { throw IndexProperty.corrupt("lacks the levels of its token vectors") }
        }
        centroids = Centroids(values: values, dimension: dimension, kernels: kernels)
        codec = TokenVectorCodec(settings.form, centroids, levels, kernels: kernels)
    }
}

/// A token chunk with the generation that wrote it, by which a reader knows whether its copy is still good.
struct TokenChunkRow: Sendable {
    var number: Int
    var generation: Int
    var chunk: TokenChunk

    static func fetch(number: Int, centroidCount: Int, _ db: Database) throws -> TokenChunkRow? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT counts, centroids, generation FROM token_chunk WHERE number = ?"),
                arguments: [number])
        else { return nil }
        guard let first = UInt32(exactly: number * TokenChunk.maxCount) else {
            throw IndexProperty.corrupt("has token chunk \(number)")
        }
        return TokenChunkRow(
            number: number, generation: try row.integer(2),
            chunk: try TokenChunk(
                firstPassage: first, counts: Array(row.blob(0)), centroids: Array(row.blob(1)),
                centroidCount: centroidCount))
    }
}

/// The bytes of a passage's token vectors.
enum TokenVectorRow {
    /// Nil where the passage has none.
    static func fetch(passage: UInt32, _ db: Database) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        return try append(passage: passage, to: &bytes, db) ? bytes : nil
    }

    /// False where the passage has none.
    static func append(passage: UInt32, to bytes: inout [UInt8], _ db: Database) throws -> Bool {
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT vectors FROM token_vector WHERE passage = ?"), arguments: [passage])
        guard let row = try rows.next() else { return false }
        guard case .blob(let data) = (row[0] as DatabaseValue).storage else {
            throw IndexProperty.corrupt("has a value of another type where token vectors belong")
        }
        bytes.append(contentsOf: data)
        return true
    }
}

/// The stored token vectors of some documents' passages, document by document.
struct StoredTokenVectors: Sendable {
    private var bytes: [UInt8] = []
    /// Where each passage's bytes end.
    private var ends: [Int] = []
    /// Passages of each document.
    private let counts: [Int]

    /// Throws `corruptFile` where a passage has none.
    init(_ documents: [[UInt32]], _ db: Database) throws {
        counts = documents.map(\.count)
        for passage in documents.joined() {
            guard try TokenVectorRow.append(passage: passage, to: &bytes, db) else {
                throw IndexProperty.corrupt("has no token vectors of passage \(passage)")
            }
            ends.append(bytes.count)
        }
    }

    /// What the comparison of a document came to.
    struct Compared: Sendable {
        /// Of its passages.
        var scores: [Float]
        var vectors: Int
    }

    /// Passages whose bytes are in memory at once.
    private static let readPassages = 256

    /// Reads the vectors of documents' passages, some at a time, and compares them.
    ///
    /// - Parameter inBytes: See `TokenVectorCodec.block`.
    static func compare(
        _ documents: [[UInt32]], _ query: MaxSim, _ codec: TokenVectorCodec, inBytes: Bool = false, _ db: Database,
        on lane: Lane?
    ) throws -> [Compared] {
        var compared: [Compared] = []
        compared.reserveCapacity(documents.count)
        var next = 0
        while next < documents.count {
            let begin = next
            var passages = 0
            while next < documents.count, passages == 0 || passages + documents[next].count <= readPassages {
                passages += documents[next].count
                next += 1
            }
            let vectors = try StoredTokenVectors(Array(documents[begin..<next]), db)
            compared += try vectors.compare(query, codec, inBytes: inBytes, on: lane)
        }
        return compared
    }

    /// Passages that a thread decodes and compares at once: their vectors fit its cache.
    private static let blockPassages = 8

    private func compare(
        _ query: MaxSim, _ codec: TokenVectorCodec, inBytes: Bool, on lane: Lane?
    ) throws -> [Compared] {
        let size = StoredTokenVectors.blockPassages
        let blocks = (ends.count + size - 1) / size
        var results = [Result<[Float], any Error>](repeating: .success([]), count: blocks)
        results.withUnsafeMutableBufferPointer { results in
            let slots = results
            func score(_ block: Int) {
                let passages = block * size..<min((block + 1) * size, ends.count)
                slots[block] = Result { try self.scores(passages, query, codec, inBytes) }
            }
            if let lane {
                lane.parallelFor(blocks) { block, _ in if !lane.isCancelled { score(block) } }
            } else {
                for block in 0..<blocks { score(block) }
            }
        }
        if let lane, lane.isCancelled { throw CancellationError() }
        let scores = try results.flatMap { try $0.get() }
        var first = 0
        return try counts.map { count in
            let passages = first..<first + count
            first = passages.upperBound
            let begin = passages.lowerBound == 0 ? 0 : ends[passages.lowerBound - 1]
            let end = passages.upperBound == 0 ? 0 : ends[passages.upperBound - 1]
            return Compared(scores: Array(scores[passages]), vectors: try codec.count(of: end - begin))
        }
    }

    private func scores(
        _ passages: Range<Int>, _ query: MaxSim, _ codec: TokenVectorCodec, _ inBytes: Bool
    ) throws -> [Float] {
        let begin = passages.lowerBound == 0 ? 0 : ends[passages.lowerBound - 1]
        let starts = [0] + (try passages.map { try codec.count(of: ends[$0] - begin) })
        return try bytes.withUnsafeBufferPointer { bytes in
            let own = UnsafeBufferPointer(rebasing: bytes[begin..<ends[passages.upperBound - 1]])
            return query.scores(of: try codec.block(own, inBytes: inBytes), starts: starts)
        }
    }
}

/// Compares the token vectors of an index with each other and with its passages.
struct TokenVectorCheck {
    let table: PassageTable
    let settings: TokenVectorSettings

    /// - Parameter count: Gets the number of vectors.
    func problems(_ db: Database, _ count: inout Int) throws -> [String] {
        guard let stored = try StoredCentroids(settings, kernels: Kernels.forThisMachine(), db) else {
            return table.liveCount == 0 ? [] : ["The index has no centroids."]
        }
        var problems: [String] = []
        for number in 0..<table.chunks {
            let row: TokenChunkRow
            do {
                guard let found = try TokenChunkRow.fetch(number: number, centroidCount: stored.centroids.count, db)
                else {
                    problems.append("Token chunk \(number) is missing.")
                    continue
                }
                row = found
            } catch let error as RankingError {
                problems.append("Token chunk \(number): \(error.what)")
                continue
            }
            let expected = min(TokenChunk.maxCount, table.count - number * TokenChunk.maxCount)
            if row.chunk.count != expected {
                problems.append("Token chunk \(number) has \(row.chunk.count) passages of \(expected).")
            }
            for place in 0..<min(expected, row.chunk.count) {
                let passage = row.chunk.firstPassage + UInt32(place)
                if table.deleted.contains(passage) { continue }
                let nearest = row.chunk.passage(place)
                do {
                    guard try isWhole(passage, nearest, stored.codec, db) else {
                        problems.append("The token vectors of passage \(passage) are not those of its chunk.")
                        continue
                    }
                } catch let error as RankingError {
                    problems.append("Passage \(passage): \(error.what)")
                    continue
                }
                count += nearest.count
            }
        }
        let others = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM token_chunk WHERE number NOT BETWEEN 0 AND ?", arguments: [table.chunks - 1])
        if let others, others > 0 { problems.append("\(others) token chunks are of passages that there are not.") }
        let rows = try Int.fetchOne(db, sql: "SELECT count(*) FROM token_vector") ?? 0
        if rows != table.liveCount {
            problems.append("There are token vectors of \(rows) passages; the index has \(table.liveCount).")
        }
        return problems
    }

    /// Throws `corruptFile` where the bytes are no vectors.
    private func isWhole(
        _ passage: UInt32, _ nearest: ArraySlice<UInt16>, _ codec: TokenVectorCodec, _ db: Database
    ) throws -> Bool {
        guard let bytes = try TokenVectorRow.fetch(passage: passage, db),
            try codec.count(of: bytes.count) == nearest.count, !nearest.isEmpty
        else { return false }
        _ = try bytes.withUnsafeBufferPointer { try codec.block($0) }
        return codec.numbers(in: bytes).map { $0 == Array(nearest) } ?? true
    }
}
