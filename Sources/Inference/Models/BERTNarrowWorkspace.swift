/// The activations of one forward pass in a narrow format.
///
/// Rows are written by one thread each, so that the threads of a lane share this without locks.
final class BERTNarrowWorkspace {
    /// [T, H].
    let hidden: MutableMatrixView
    let context: MutableMatrixView
    /// [T, H] and [T, 2H] (keys beside values).
    let query: HalfMatrixView
    let keyValue: HalfMatrixView
    /// [B, H].
    let firstTokens: MutableMatrixView
    /// For disentangled attention, which is computed in single precision.
    let distances: RelativeDistances?

    /// What one thread needs for the rows or the head it works on.
    struct Scratch {
        /// [block, H].
        let hidden: NarrowRows
        /// [block, F].
        let intermediate: NarrowRows
        fileprivate let products: UnsafeMutablePointer<Float>
        let attention: UnsafeMutablePointer<Float>
        fileprivate let wide: UnsafeMutablePointer<Float>

        /// Room for the query, keys and values of one head in single precision.
        func widened(
            queries: Int, tokens: Int, columns: Int
        ) -> (query: MutableMatrixView, key: MutableMatrixView, value: MutableMatrixView) {
            (
                MutableMatrixView(wide, rows: queries, columns: columns),
                MutableMatrixView(wide + queries * columns, rows: tokens, columns: columns),
                MutableMatrixView(wide + (queries + tokens) * columns, rows: tokens, columns: columns)
            )
        }

        /// The result of a linear layer for one strip.
        func product(rows: Int, columns: Int) -> MutableMatrixView {
            MutableMatrixView(products, rows: rows, columns: columns)
        }
    }

    /// Rows that go through a linear layer together: their products in single precision (24 x 1536 floats are 144 KB)
    /// share the L2 cache with the layer's weights. A multiple of the tiles' 4, 6 and 12 rows.
    private static let stripRows = 24

    let rowBlocks: RowBlocks
    private let scratches: [Scratch]
    private let buffer: FloatBuffer
    private let lane: Lane

    init(config: BERTConfig, batch: TokenBatch, lane: Lane, format: NarrowFormat, kernels: Kernels) {
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        self.lane = lane
        let threads = lane.threads
        rowBlocks = RowBlocks(count: batch.tokens, threads: threads)
        let blockRows = rowBlocks.rows
        distances = config.relative.map { RelativeDistances($0, tokens: batch.longest) }
        let attention: Int
        if let distances {
            attention = kernels.attentionScratchCount(
                tokens: batch.longest, headWidth: config.headWidth, relativePositions: distances.rows)
        } else {
            attention = kernels.attentionBF16ScratchCount(tokens: batch.longest, headWidth: config.headWidth)
        }
        let widened = distances == nil ? 0 : 3 * batch.longest * config.headWidth
        let strip = min(blockRows, BERTNarrowWorkspace.stripRows) * max(2 * width, inner)

        // One allocation, cut up; each part starts on a 64-byte boundary.
        var count = 0
        func reserve(_ floats: Int) -> Int {
            defer { count += (floats + 15) / 16 * 16 }
            return count
        }
        func reserve(halves: Int) -> Int { reserve((halves + 1) / 2) }
        let (hidden, context) = (reserve(batch.tokens * width), reserve(batch.tokens * width))
        let (queryWidth, keyValueWidth) = (HalfMatrixView.paddedWidth(width), HalfMatrixView.paddedWidth(2 * width))
        let (query, keyValue) = (
            reserve(halves: batch.tokens * queryWidth), reserve(halves: batch.tokens * keyValueWidth)
        )
        let first = reserve(batch.sequences * width)
        let slots = (0..<threads).map { _ in
            (products: reserve(strip), attention: reserve(attention), wide: reserve(widened))
        }
        buffer = lane.takeBuffer(count: count)
        let memory = buffer.writable

        func matrix(_ offset: Int, rows: Int) -> MutableMatrixView {
            MutableMatrixView(memory + offset, rows: rows, columns: width)
        }
        func halves(_ offset: Int, columns: Int, stride: Int) -> HalfMatrixView {
            let base = UnsafeMutableRawPointer(memory + offset).bindMemory(
                to: UInt16.self, capacity: batch.tokens * stride)
            return HalfMatrixView(base: base, rows: batch.tokens, columns: columns, stride: stride)
        }
        self.hidden = matrix(hidden, rows: batch.tokens)
        self.context = matrix(context, rows: batch.tokens)
        self.query = halves(query, columns: width, stride: queryWidth)
        self.keyValue = halves(keyValue, columns: 2 * width, stride: keyValueWidth)
        firstTokens = matrix(first, rows: batch.sequences)
        scratches = slots.map {
            Scratch(
                hidden: NarrowRows(format, rows: blockRows, columns: width),
                intermediate: NarrowRows(format, rows: blockRows, columns: inner), products: memory + $0.products,
                attention: memory + $0.attention, wide: memory + $0.wide)
        }
    }

    deinit { lane.giveBack(buffer) }

    func scratch(_ slot: Int) -> Scratch { scratches[slot] }

    /// Calls `body` for each strip of a block of `count` rows.
    func forEachStrip(of count: Int, _ body: (Range<Int>) -> Void) {
        for start in stride(from: 0, to: count, by: BERTNarrowWorkspace.stripRows) {
            body(start..<min(count, start + BERTNarrowWorkspace.stripRows))
        }
    }
}
