import GRDB
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Adds the vectors of new passages to an index: chunks of 4,096 quantized ones to scan, aligned with the passages'
/// numbers, and the fp32 ones to rescore with.
struct VectorWriter {
    let dimension: Int
    /// The generation that the transaction's commit will make.
    private let generation: Int
    /// The chunk that is not full yet.
    private var tail: [QuantizedVector] = []
    private var tailNumber = 0

    init(dimension: Int, count: Int, _ db: Database) throws {
        self.dimension = dimension
        generation = try IndexProperty.generation.count(db) + 1
        tailNumber = count / VectorChunk.maxCount
        guard count % VectorChunk.maxCount > 0 else { return }
        guard let chunk = try VectorChunkRow.fetch(number: tailNumber, dimension: dimension, db)?.chunk,
            chunk.count == count % VectorChunk.maxCount
        else { throw IndexProperty.corrupt("lacks vectors of its last passages") }
        tail = (0..<chunk.count).map(chunk.vector)
    }

    func quantized(_ vectors: [[Float]]) throws -> [QuantizedVector] {
        try vectors.map { try VectorQuantizer.quantize($0) }
    }

    mutating func append(
        _ quantized: [QuantizedVector], _ vectors: [[Float]], first: Int, _ db: Database
    ) throws {
        for (place, vector) in vectors.enumerated() {
            try db.cachedStatement(sql: "INSERT INTO vector (passage, components) VALUES (?, ?)")
                .execute(arguments: [first + place, Data(LittleEndian.bytes(vector))])
        }
        for vector in quantized { try append(vector, db) }
    }

    private mutating func append(_ vector: QuantizedVector, _ db: Database) throws {
        tail.append(vector)
        guard tail.count == VectorChunk.maxCount else { return }
        try flush(db)
        tail = []
        tailNumber += 1
    }

    /// Writes the chunk that is not full.
    func flush(_ db: Database) throws {
        guard !tail.isEmpty else { return }
        let chunk = try VectorChunk(
            firstPassage: UInt32(tailNumber * VectorChunk.maxCount), dimension: dimension, vectors: tail)
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO vector_chunk (number, codes, scales, generation) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [tailNumber, Data(chunk.codes), Data(chunk.scaleBytes), generation])
    }

    /// Leaves out the vectors of deleted passages and closes the gaps.
    mutating func renumber(_ numbers: PassageNumbers, _ db: Database) throws {
        for passage in try UInt32.fetchAll(db, sql: "SELECT passage FROM vector ORDER BY passage") {
            guard let moved = numbers[passage] else { throw IndexProperty.corrupt("has a vector of a deleted passage") }
            if moved == passage { continue }
            try db.cachedStatement(sql: "UPDATE vector SET passage = ? WHERE passage = ?").execute(arguments: [
                moved, passage,
            ])
        }
        let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM vector_chunk") ?? 0
        (tail, tailNumber) = ([], 0)
        // A chunk is read before the renumbered ones, which are behind it, overwrite it.
        for number in 0..<count {
            guard let row = try VectorChunkRow.fetch(number: number, dimension: dimension, db) else {
                throw IndexProperty.corrupt("lacks vector chunk \(number)")
            }
            try db.execute(sql: "DELETE FROM vector_chunk WHERE number = ?", arguments: [number])
            for place in 0..<row.chunk.count where numbers[row.chunk.firstPassage + UInt32(place)] != nil {
                try append(row.chunk.vector(place), db)
            }
        }
    }
}

/// A vector chunk with the generation that wrote it, by which a reader knows whether its copy is still good.
struct VectorChunkRow: Sendable {
    var number: Int
    var generation: Int
    var chunk: VectorChunk

    static func fetch(number: Int, dimension: Int, _ db: Database) throws -> VectorChunkRow? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT codes, scales, generation FROM vector_chunk WHERE number = ?"),
                arguments: [number])
        else { return nil }
        let (codes, scales) = (try row.blob(0), try row.blob(1))
        guard let first = UInt32(exactly: number * VectorChunk.maxCount) else {
            throw IndexProperty.corrupt("has vector chunk \(number)")
        }
        return VectorChunkRow(
            number: number, generation: try row.integer(2),
            chunk: try VectorChunk(
                firstPassage: first, dimension: dimension, codes: Array(codes), scales: Array(scales)))
    }
}

/// Compares the vectors of an index with each other and with its passages.
struct VectorCheck {
    let table: PassageTable
    let dimension: Int

    /// - Parameter count: Gets the number of vectors.
    func problems(_ db: Database, _ count: inout Int) throws -> [String] {
        var problems: [String] = []
        for number in 0..<table.chunks {
            guard let row = try VectorChunkRow.fetch(number: number, dimension: dimension, db) else {
                problems.append("Vector chunk \(number) is missing.")
                continue
            }
            let expected = min(VectorChunk.maxCount, table.count - number * VectorChunk.maxCount)
            if row.chunk.count != expected {
                problems.append("Vector chunk \(number) has \(row.chunk.count) vectors of \(expected).")
            }
            for place in 0..<min(expected, row.chunk.count) {
                let passage = row.chunk.firstPassage + UInt32(place)
                if table.deleted.contains(passage) { continue }
                guard let vector = try VectorCheck.vector(of: passage, dimension: dimension, db) else {
                    problems.append("Passage \(passage) has no vector of \(dimension) numbers.")
                    continue
                }
                count += 1
                if try VectorQuantizer.quantize(vector) != row.chunk.vector(place) {
                    problems.append("The quantized vector of passage \(passage) is not that of its vector.")
                }
            }
        }
        let stored = try Int.fetchOne(db, sql: "SELECT count(*) FROM vector") ?? 0
        if stored != count { problems.append("\(stored - count) vectors belong to no passage.") }
        return problems
    }

    /// Nil where the passage has none of this dimension.
    static func vector(of passage: UInt32, dimension: Int, _ db: Database) throws -> [Float]? {
        guard
            let bytes = try Data.fetchOne(
                db.cachedStatement(sql: "SELECT components FROM vector WHERE passage = ?"), arguments: [passage]),
            let vector = LittleEndian.floats(Array(bytes)), vector.count == dimension
        else { return nil }
        return vector
    }
}
