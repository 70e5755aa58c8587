import Foundation
import Resift

/// Late interaction over the vectors that token_vectors.py writes: what an index of them takes, how near its search comes
/// to the exhaustive one, and how long searching and reranking take, on all threads of the pool.
enum LateInteractionBench {
    private static let dimension = 128
    private static let queryTokens = 32
    private static let depth = 100

    static func run(folder: String, form: TokenVectorForm, threads: Int, probing: LateInteractionProbing) async throws {
        let pool = ComputePool(threads: threads)
        let path = "\(folder)/\(form.rawValue).resift"
        let lengths = try numbers(folder + "/lengths.i32", as: Int32.self).map(Int.init)
        if !FileManager.default.fileExists(atPath: path) {
            let begin = ContinuousClock.now
            try build(path, folder: folder, lengths: lengths, form: form, pool: pool)
            print("built in \(begin.duration(to: .now).seconds.text) s, peak \(ResiftBench.peakMegabytes().text) MB")
        }
        let info = try await IndexInfo.read(path: path)
        print(
            "\(info.documents) documents, \(info.tokenVectors?.vectors ?? 0) vectors, \(info.tokenVectors?.centroids ?? 0) centroids, \(form.rawValue):",
            "\((info.tokenVectors?.bytes ?? 0) / max(1, info.documents)) bytes a document, file \(info.fileBytes / 1_000_000) MB"
        )
        let values = try numbers(folder + "/queries.f32", as: UInt32.self).map { Float(bitPattern: $0) }
        let width = queryTokens * dimension
        let queries = stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
        let exact = try numbers(folder + "/exact.i32", as: Int32.self).map { "\($0)" }
        try await search(path, queries, exact: exact, probing: probing, pool: pool)
        try await rerank(path, queries, documents: lengths.count, pool: pool)
    }

    private static func build(
        _ path: String, folder: String, lengths: [Int], form: TokenVectorForm, pool: ComputePool
    ) throws {
        var probe = [Float](repeating: 0, count: dimension)
        probe[0] = 1
        let settings = IndexSettings(
            lateInteraction: TokenVectorSettings(
                model: EmbedderDescription(directory: "generated", dimension: dimension, probe: probe), form: form))
        let build = try IndexBuild(path: path, settings: settings, input: folder, replacing: false)
        let isHalf = FileManager.default.fileExists(atPath: folder + "/vectors.f16")
        guard let file = FileHandle(forReadingAtPath: folder + (isHalf ? "/vectors.f16" : "/vectors.f32")) else {
            throw CocoaError(.fileNoSuchFile)
        }
        for (number, length) in lengths.enumerated() {
            let data = try file.read(upToCount: length * dimension * (isHalf ? 2 : 4)) ?? Data()
            let vectors: [Float] = data.withUnsafeBytes { bytes in
                isHalf
                    ? bytes.bindMemory(to: UInt16.self).map(single) : Array(bytes.bindMemory(to: Float.self))
            }
            _ = try build.isCommitted(id: "\(number)")
            try build.writer.add(IndexEntry(IndexDocument(id: "\(number)", text: ""), tokenVectors: [vectors]))
            if number % 10_000 == 9_999 { try build.checkpoint() }
        }
        try build.finish(pool: pool)
    }

    private static func search(
        _ path: String, _ queries: [[Float]], exact: [String], probing: LateInteractionProbing, pool: ComputePool
    ) async throws {
        let begin = ContinuousClock.now
        let index = try SearchIndex.open(path: path)
        var times: [Double] = []
        var found = 0
        let wanted = exact.count / queries.count
        for (place, query) in queries.enumerated() {
            let start = ContinuousClock.now
            let hits = try await index.read {
                try $0.lateInteraction(query, limit: depth, probing: probing, in: nil, pool: pool)
            }
            times.append(start.duration(to: .now).seconds * 1_000)
            if place == 0 {
                print("first search, opening included: \((begin.duration(to: .now).seconds * 1_000).text) ms")
            }
            found += Set(hits.map(\.id)).intersection(exact[place * wanted..<place * wanted + min(depth, wanted)]).count
        }
        times.removeFirst()
        times.sort()
        let recall = Double(found) / Double(queries.count * min(depth, wanted))
        print(
            "search, \(probing.centroids) centroids a token, \(probing.exact) exact: p50 \(times[times.count / 2].fine) ms,",
            "p99 \(times[times.count * 99 / 100].fine) ms, recall@\(depth) \(recall), peak \(ResiftBench.peakMegabytes().text) MB"
        )
    }

    private static func rerank(_ path: String, _ queries: [[Float]], documents: Int, pool: ComputePool) async throws {
        let index = try SearchIndex.open(path: path)
        var times: [Double] = []
        for (place, query) in queries.enumerated() {
            // Documents all over the index.
            let ids = (0..<depth).map { "\((place * 7_919 + $0 * 104_729) % documents)" }
            let start = ContinuousClock.now
            let scores = try await index.read { try $0.maxSim(query, documents: ids, pool: pool) }
            times.append(start.duration(to: .now).seconds * 1_000)
            precondition(!scores.contains { $0 == nil })
        }
        times.sort()
        print(
            "rerank of \(depth) stored documents: p50 \(times[times.count / 2].fine) ms, p99 \(times[times.count * 99 / 100].fine) ms"
        )
    }

    private static func numbers<Number: BitwiseCopyable>(_ path: String, as type: Number.Type) throws -> [Number] {
        try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { Array($0.bindMemory(to: type)) }
    }

    /// Of a half's bits; vectors have no infinities, and no subnormals that count.
    private static func single(_ half: UInt16) -> Float {
        let magnitude = UInt32(half & 0x7fff)
        guard magnitude >= 0x400 else { return Float(magnitude) * 0x1p-24 * (half >> 15 == 1 ? -1 : 1) }
        return Float(bitPattern: UInt32(half & 0x8000) << 16 | (magnitude << 13) + (112 << 23))
    }
}
