/// The activations of one forward pass.
///
/// Rows are written by one thread each, so that the threads of a lane share this without locks.
final class BERTWorkspace {
    /// [T, H], [T, H], [T, 2H] (keys beside values), [T, H].
    let hidden: MutableMatrixView
    let query: MutableMatrixView
    let keyValue: MutableMatrixView
    let context: MutableMatrixView
    /// [B, H].
    let firstTokens: MutableMatrixView
    /// For disentangled attention.
    let distances: RelativeDistances?

    /// What one thread needs for the rows or the head it works on.
    struct Scratch {
        /// [block, H].
        let hidden: MutableMatrixView
        /// [block, F].
        let intermediate: MutableMatrixView
        let attention: UnsafeMutablePointer<Float>
    }

    let rowBlocks: RowBlocks
    private let scratches: [Scratch]
    private let buffer: FloatBuffer
    private let lane: Lane

    init(config: BERTConfig, batch: TokenBatch, lane: Lane, kernels: Kernels) {
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        self.lane = lane
        let threads = lane.threads
        rowBlocks = RowBlocks(count: batch.tokens, threads: threads)
        let blockRows = rowBlocks.rows
        distances = config.relative.map { RelativeDistances($0, tokens: batch.longest) }
        let attention = kernels.attentionScratchCount(
            tokens: batch.longest, headWidth: config.headWidth, relativePositions: distances?.rows ?? 0)

        // One allocation, cut up; each part starts on a 64-byte boundary.
        var count = 0
        func reserve(_ floats: Int) -> Int {
            defer { count += (floats + 15) / 16 * 16 }
            return count
        }
        let parts = [width, width, 2 * width, width].map { (reserve(batch.tokens * $0), $0) }
        let first = reserve(batch.sequences * width)
        let slots = (0..<threads).map { _ in
            (reserve(blockRows * width), reserve(blockRows * inner), reserve(attention))
        }
        buffer = lane.takeBuffer(count: count)
        let memory = buffer.writable

        func matrix(_ part: (offset: Int, columns: Int), rows: Int) -> MutableMatrixView {
            MutableMatrixView(memory + part.offset, rows: rows, columns: part.columns)
        }
        hidden = matrix(parts[0], rows: batch.tokens)
        query = matrix(parts[1], rows: batch.tokens)
        keyValue = matrix(parts[2], rows: batch.tokens)
        context = matrix(parts[3], rows: batch.tokens)
        firstTokens = matrix((first, width), rows: batch.sequences)
        scratches = slots.map {
            Scratch(
                hidden: matrix(($0.0, width), rows: blockRows), intermediate: matrix(($0.1, inner), rows: blockRows),
                attention: memory + $0.2)
        }
    }

    deinit { lane.giveBack(buffer) }

    func scratch(_ slot: Int) -> Scratch { scratches[slot] }
}

/// The row of the table of relative positions for every distance of two tokens.
final class RelativeDistances {
    /// Of the table.
    let rows: Int
    /// Points at distance 0.
    let zero: UnsafePointer<Int32>
    private let buffer: ByteBuffer

    init(_ config: RelativePositionConfig, tokens: Int) {
        rows = 2 * config.buckets
        let values = config.rows(tokens: tokens)
        buffer = ByteBuffer(count: values.count * MemoryLayout<Int32>.stride)
        let memory = buffer.writable.bindMemory(to: Int32.self, capacity: values.count)
        for (index, value) in values.enumerated() { memory[index] = value }
        zero = UnsafePointer(memory) + max(tokens - 1, 0)
    }
}
