import Inference

/// What one thread keeps while it scans chunks, which come by ascending passage.
///
/// Each thread keeps its own best passages; together they hold the best of all, whichever thread scanned which chunk.
final class ScanWorker {
    private let query: DenseQuery
    private let codes: [Int8]
    private let kernels: Kernels
    private var best: TopDocuments
    private var sums = [Int32](repeating: 0, count: VectorChunk.maxCount)
    /// The rows of a chunk that the filters let through.
    private var rows: [Int] = []
    /// Passages that the filters let through, over all chunks.
    private(set) var allowedCount = 0

    /// - Parameter limit: at least 1, unless there is no chunk to scan.
    init(query: DenseQuery, codes: [Int8], limit: Int, kernels: Kernels) {
        self.query = query
        self.kernels = kernels
        self.codes = codes
        best = TopDocuments(limit: limit)
    }

    /// The best so far, by passage number. Scores lack the factor that all share, the query's scale.
    var passages: [ScoredDocument] { best.sorted() }

    func scan(_ chunk: VectorChunk) {
        guard query.allowed != nil || query.deleted != nil else {
            allowedCount += chunk.count
            addProducts(of: 0..<chunk.count, in: chunk)
            return keep(0..<chunk.count, of: chunk)
        }
        rows.removeAll(keepingCapacity: true)
        for row in 0..<chunk.count where query.accepts(chunk.firstPassage + UInt32(row)) { rows.append(row) }
        allowedCount += rows.count
        // A row in the middle of others costs less than half of one alone.
        if rows.count > chunk.count / 4 {
            addProducts(of: 0..<chunk.count, in: chunk)
        } else {
            for row in rows { addProducts(of: row..<row + 1, in: chunk) }
        }
        keep(rows, of: chunk)
    }

    private func addProducts(of rows: Range<Int>, in chunk: VectorChunk) {
        let codeRange = rows.lowerBound * chunk.dimension..<rows.upperBound * chunk.dimension
        chunk.withCodes { chunkCodes in
            codes.withUnsafeBufferPointer { query in
                sums.withUnsafeMutableBufferPointer { sums in
                    kernels.dotInt8(
                        UnsafeBufferPointer(rebasing: chunkCodes[codeRange]), query: query,
                        into: UnsafeMutableBufferPointer(rebasing: sums[rows]))
                }
            }
        }
    }

    private func keep(_ rows: some Sequence<Int>, of chunk: VectorChunk) {
        sums.withUnsafeBufferPointer { sums in
            chunk.scales.withUnsafeBufferPointer { scales in
                var threshold = best.threshold
                for row in rows {
                    // A product of 32 and of 24 bits, in 53: what is rounded away is far below the quantization.
                    let score = Double(sums[row]) * Double(scales[row])
                    guard score > threshold else { continue }
                    best.insert(chunk.firstPassage + UInt32(row), score)
                    threshold = best.threshold
                }
            }
        }
    }
}
