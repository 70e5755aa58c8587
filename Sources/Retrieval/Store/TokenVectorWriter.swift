import GRDB
import Inference
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Adds the token vectors of new passages to an index.
///
/// While an index is built it has no centroids: vectors wait in a form without them until `train`. Afterwards the centroids
/// stay as they are, and new vectors go to the nearest of them.
struct TokenVectorWriter {
    private(set) var settings: TokenVectorSettings
    private let kernels: Kernels
    private var dimension: Int { settings.model.dimension }
    /// The generation that the transaction's commit will make.
    private let generation: Int
    /// How rows are written now.
    private var codec: TokenVectorCodec
    private var centroids: Centroids?
    /// The centroids of the passages of the chunk that is not full yet; none before there are centroids.
    private var tail: [[UInt16]] = []
    private var tailNumber = 0
    private var tailHasChanged = false

    init(_ settings: TokenVectorSettings, count: Int, _ db: Database) throws {
        self.settings = settings
        kernels = try Kernels.forThisMachine()
        generation = try IndexProperty.generation.count(db) + 1
        let stored = try StoredCentroids(settings, kernels: kernels, db)
        centroids = stored?.centroids
        codec =
            stored?.codec
            ?? TokenVectorCodec(
                settings.form.beforeCentroids, dimension: settings.model.dimension, kernels: kernels)
        guard let centroids else { return }
        tailNumber = count / TokenChunk.maxCount
        guard count % TokenChunk.maxCount > 0 else { return }
        guard let row = try TokenChunkRow.fetch(number: tailNumber, centroidCount: centroids.count, db),
            row.chunk.count == count % TokenChunk.maxCount
        else { throw IndexProperty.corrupt("lacks token vectors of its last passages") }
        tail = (0..<row.chunk.count).map { Array(row.chunk.passage($0)) }
    }

    mutating func append(_ passages: [[Float]], first: Int, _ db: Database) throws {
        for (place, vectors) in passages.enumerated() {
            let nearest = centroids?.nearest(to: vectors, on: nil) ?? []
            try db.cachedStatement(sql: "INSERT INTO token_vector (passage, vectors) VALUES (?, ?)")
                .execute(arguments: [first + place, Data(codec.encode(vectors, nearest: nearest))])
            if centroids != nil { try append(nearest, db) }
        }
    }

    private mutating func append(_ nearest: [UInt16], _ db: Database) throws {
        tail.append(nearest)
        tailHasChanged = true
        guard tail.count == TokenChunk.maxCount else { return }
        try flush(db)
        tail = []
        tailNumber += 1
    }

    /// Writes the chunk that is not full.
    mutating func flush(_ db: Database) throws {
        guard !tail.isEmpty, tailHasChanged, let centroids else { return }
        tailHasChanged = false
        let chunk = TokenChunk(
            firstPassage: UInt32(tailNumber * TokenChunk.maxCount), passages: tail, centroidCount: centroids.count)
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO token_chunk (number, counts, centroids, generation) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [tailNumber, Data(chunk.countBytes), Data(chunk.centroidBytes), generation])
    }

    /// Leaves out the vectors of deleted passages and closes the gaps.
    mutating func renumber(_ numbers: PassageNumbers, _ db: Database) throws {
        for passage in try UInt32.fetchAll(db, sql: "SELECT passage FROM token_vector ORDER BY passage") {
            guard let moved = numbers[passage] else {
                throw IndexProperty.corrupt("has token vectors of a deleted passage")
            }
            if moved == passage { continue }
            try db.cachedStatement(sql: "UPDATE token_vector SET passage = ? WHERE passage = ?")
                .execute(arguments: [moved, passage])
        }
        guard let centroids else { return }
        // Vectors that were just given their centroids have a chunk that is not full.
        try flush(db)
        let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM token_chunk") ?? 0
        (tail, tailNumber) = ([], 0)
        // A chunk is read before the renumbered ones, which are behind it, overwrite it.
        for number in 0..<count {
            guard let row = try TokenChunkRow.fetch(number: number, centroidCount: centroids.count, db) else {
                throw IndexProperty.corrupt("lacks token chunk \(number)")
            }
            try db.execute(sql: "DELETE FROM token_chunk WHERE number = ?", arguments: [number])
            for place in 0..<row.chunk.count where numbers[row.chunk.firstPassage + UInt32(place)] != nil {
                try append(Array(row.chunk.passage(place)), db)
            }
        }
    }
}

// MARK: Centroids

extension TokenVectorWriter {
    /// Vectors for each centroid, of which k-means learns.
    private static let sampleVectorsPerCentroid = 32
    /// Passages that the sample comes from, at most: each costs a row.
    private static let samplePassages = 16_384
    private static let sampleResiduals = 1 << 20
    /// Passages that are encoded at once.
    private static let batch = 256

    /// Learns centroids from the vectors that wait, and writes these in their final form. Of an index that has centroids,
    /// nothing changes.
    ///
    /// - Parameter count: Passages, deleted ones included.
    mutating func train(count: Int, _ db: Database, on lane: Lane?, progress: (Double) -> Void) throws {
        guard centroids == nil else { return }
        let bytes = try Int.fetchOne(db, sql: "SELECT sum(length(vectors)) FROM token_vector") ?? 0
        let vectors = try codec.count(of: bytes)
        guard vectors > 0 else { return }
        let sample = try self.sample(of: vectors, db)
        let learned = Centroids.train(
            sample, count: min(Centroids.count(forVectors: vectors), sample.count / dimension), dimension: dimension,
            kernels: kernels, on: lane)
        try write(learned, db)
        centroids = learned
        try encodeAgain(
            count: count, learned, sample: sample, pooling: nil, rewriting: settings.form.residualBits != nil, db,
            on: lane, progress: progress)
    }

    /// Writes the vectors of an index that is built in another form. Its centroids stay.
    mutating func convert(
        to changed: TokenVectorSettings, count: Int, _ db: Database, on lane: Lane?, progress: (Double) -> Void
    ) throws {
        guard changed != settings else { return }
        let pooling = changed.pooling == settings.pooling ? nil : changed.pooling
        settings = changed
        try IndexProperty.tokenVectorForm.set(changed.form.rawValue, db)
        try IndexProperty.tokenPooling.set(changed.pooling.factor, db)
        guard let centroids else { return }
        let bytes = try Int.fetchOne(db, sql: "SELECT sum(length(vectors)) FROM token_vector") ?? 0
        let vectors = try codec.count(of: bytes)
        try db.execute(sql: "DELETE FROM token_chunk")
        guard vectors > 0 else { return try forgetCentroids(db) }
        let sample = try self.sample(of: vectors, db)
        try encodeAgain(
            count: count, centroids, sample: sample, pooling: pooling, rewriting: true, db, on: lane,
            progress: progress)
    }

    /// Of an index without passages: the next vectors learn new ones.
    private mutating func forgetCentroids(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM centroid")
        try IndexProperty.tokenLevels.remove(db)
        centroids = nil
        (tail, tailNumber) = ([], 0)
        codec = TokenVectorCodec(settings.form.beforeCentroids, dimension: dimension, kernels: kernels)
    }

    /// Gives all vectors their centroids, and, if they are rewritten, their form.
    private mutating func encodeAgain(
        count: Int, _ centroids: Centroids, sample: [Float], pooling: TokenPooling?, rewriting: Bool, _ db: Database,
        on lane: Lane?, progress: (Double) -> Void
    ) throws {
        var levels: ResidualLevels?
        if let bits = settings.form.residualBits {
            let learned = ResidualLevels(training: residuals(of: sample, centroids, on: lane), bits: bits)
            try IndexProperty.tokenLevels.set(LittleEndian.bytes(learned.levels), db)
            levels = learned
        }
        let before = codec
        codec = TokenVectorCodec(settings.form, centroids, levels, kernels: kernels)
        (tail, tailNumber) = ([], 0)
        for start in stride(from: 0, to: count, by: Self.batch) {
            progress(Double(start) / Double(count))
            let passages = start..<min(start + Self.batch, count)
            try encodeAgain(passages, before, centroids, pooling, rewriting: rewriting, db, on: lane)
        }
        progress(1)
    }

    /// Vectors of passages in equal distances, and of each every so many.
    private func sample(of vectors: Int, _ db: Database) throws -> [Float] {
        let wanted = min(vectors, Centroids.count(forVectors: vectors) * Self.sampleVectorsPerCentroid)
        let passages = try UInt32.fetchAll(db, sql: "SELECT passage FROM token_vector ORDER BY passage")
        let read = min(passages.count, Self.samplePassages)
        // Of the vectors that are read, one of so many is taken.
        let step = max(1, vectors * read / passages.count / wanted)
        var sample: [Float] = []
        sample.reserveCapacity(wanted * dimension)
        var place = 0
        for number in 0..<read {
            let vectors = try Self.vectors(of: passages[number * passages.count / read], codec, db)
            while place < vectors.count / dimension {
                sample += vectors[place * dimension..<(place + 1) * dimension]
                place += step
            }
            place -= vectors.count / dimension
        }
        guard !sample.isEmpty else { throw IndexProperty.corrupt("has token vectors that cannot be read") }
        return sample
    }

    private func residuals(of sample: [Float], _ centroids: Centroids, on lane: Lane?) -> [Float] {
        let vectors = sample.prefix(Self.sampleResiduals / dimension * dimension)
        let nearest = centroids.nearest(to: Array(vectors), on: lane)
        var residuals: [Float] = []
        residuals.reserveCapacity(vectors.count)
        for (row, number) in nearest.enumerated() {
            for place in 0..<dimension {
                residuals.append(
                    vectors[row * dimension + place] - centroids.values[Int(number) * dimension + place])
            }
        }
        return residuals
    }

    private func write(_ centroids: Centroids, _ db: Database) throws {
        for number in 0..<centroids.count {
            let components = centroids.values[number * dimension..<(number + 1) * dimension]
            try db.cachedStatement(sql: "INSERT INTO centroid (number, components) VALUES (?, ?)")
                .execute(arguments: [number, Data(LittleEndian.bytes(Array(components)))])
        }
    }

    /// - Parameter before: How the rows were written.
    private mutating func encodeAgain(
        _ passages: Range<Int>, _ before: TokenVectorCodec, _ centroids: Centroids, _ pooling: TokenPooling?,
        rewriting: Bool, _ db: Database, on lane: Lane?
    ) throws {
        var vectors: [Float] = []
        var ends: [Int] = []
        for passage in passages {
            // A deleted passage has no row, and an empty place in its chunk.
            let own = try Self.vectors(of: UInt32(passage), before, db)
            vectors += pooling?.pooled(own, dimension: dimension) ?? own
            ends.append(vectors.count / dimension)
        }
        let nearest = centroids.nearest(to: vectors, on: lane)
        let bytes = rewriting ? codec.encode(vectors, nearest: nearest) : []
        var begin = 0
        for (passage, end) in zip(passages, ends) {
            if !bytes.isEmpty, end > begin {
                let row = bytes[begin * codec.bytesPerVector..<end * codec.bytesPerVector]
                try db.cachedStatement(sql: "UPDATE token_vector SET vectors = ? WHERE passage = ?")
                    .execute(arguments: [Data(row), passage])
            }
            try append(Array(nearest[begin..<end]), db)
            begin = end
        }
    }

    /// Empty for a passage without a row.
    private static func vectors(of passage: UInt32, _ codec: TokenVectorCodec, _ db: Database) throws -> [Float] {
        guard let row = try TokenVectorRow.fetch(passage: passage, db) else { return [] }
        let count = try codec.count(of: row.count) * codec.dimension
        return try [Float](unsafeUninitializedCapacity: count) { values, initialized in
            initialized = count
            guard let out = values.baseAddress else { return }
            try row.withUnsafeBufferPointer { try codec.decode($0, into: out) }
        }
    }
}
