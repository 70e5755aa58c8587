/// The activations of one forward pass of a rotary body.
///
/// Rows are written by one thread each, so that the threads of a lane share this without locks.
final class RotaryWorkspace {
    /// [T, H].
    let hidden: MutableMatrixView
    /// [T, A]: the queries of a layer, and then its attention.
    let query: MutableMatrixView
    let prefix: KeyValueCache?
    /// [T, 2K], keys beside values.
    private let keyValues: MutableMatrixView
    private let recording: KeyValueCache?
    /// [B, H].
    private let picked: MutableMatrixView
    /// By layer, and what belongs to the indices.
    private let positionsOfLayer: [Int]
    private let positions: [RotaryPositions]

    /// What one thread needs for the rows or the head it works on.
    struct Scratch {
        /// For a block of rows, in a narrow format: [block, H], [block, A], [block, F].
        let hiddenOperands: OperandRows
        let contextOperands: OperandRows
        let innerOperands: OperandRows
        /// For a strip of rows: a block's norm [strip, H], a product [strip, H], gate and up [strip, 2F].
        let normal: MutableMatrixView
        let product: MutableMatrixView
        let gateUp: MutableMatrixView
        let attention: UnsafeMutablePointer<Float>
    }

    /// In a narrow format, rows that go through a linear layer together: few, so that their products in single precision
    /// share the L2 cache with the layer's weights. A multiple of the tiles' 4, 6 and 12 rows. In single precision a
    /// block is one strip.
    private static let narrowStripRows = 24

    let rowBlocks: RowBlocks
    private let stripRows: Int
    private let scratches: [Scratch]
    private let buffer: FloatBuffer
    private let lane: Lane

    var prefixTokens: Int { prefix?.tokens ?? 0 }

    /// With `recording`, the keys and values of every layer stay there.
    init(
        _ config: RotaryConfig, _ batch: TokenBatch, prefix: KeyValueCache?, recording: KeyValueCache? = nil,
        lane: Lane,
        format: NarrowFormat?, kernels: Kernels
    ) {
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        self.lane = lane
        self.prefix = prefix
        self.recording = recording
        let longest = batch.longest + (prefix?.tokens ?? 0)
        rowBlocks = RowBlocks(count: batch.tokens, threads: lane.threads)
        let blockRows = rowBlocks.rows
        let strip = format == nil ? blockRows : min(blockRows, RotaryWorkspace.narrowStripRows)
        stripRows = strip
        let attention = kernels.attentionScratchCount(tokens: longest, headWidth: config.headWidth)

        // One allocation, cut up; each part starts on a 64-byte boundary.
        var count = 0
        func reserve(rows: Int, columns: Int) -> Int {
            defer { count += (rows * columns + 15) / 16 * 16 }
            return count
        }
        let parts = (
            hidden: reserve(rows: batch.tokens, columns: width),
            query: reserve(rows: batch.tokens, columns: config.queryWidth),
            keyValues: reserve(rows: recording == nil ? batch.tokens : 0, columns: 2 * config.keyValueWidth),
            picked: reserve(rows: batch.sequences, columns: width)
        )
        let slots = (0..<lane.threads).map { _ in
            (
                normal: reserve(rows: strip, columns: width), product: reserve(rows: strip, columns: width),
                gateUp: reserve(rows: strip, columns: 2 * inner), attention: reserve(rows: 1, columns: attention)
            )
        }
        buffer = lane.takeBuffer(count: count)
        let memory = buffer.writable
        func matrix(_ offset: Int, rows: Int, columns: Int) -> MutableMatrixView {
            MutableMatrixView(memory + offset, rows: rows, columns: columns)
        }
        hidden = matrix(parts.hidden, rows: batch.tokens, columns: width)
        query = matrix(parts.query, rows: batch.tokens, columns: config.queryWidth)
        keyValues = matrix(parts.keyValues, rows: batch.tokens, columns: 2 * config.keyValueWidth)
        picked = matrix(parts.picked, rows: batch.sequences, columns: width)
        scratches = slots.map {
            Scratch(
                hiddenOperands: OperandRows(format, rows: blockRows, columns: width),
                contextOperands: OperandRows(format, rows: blockRows, columns: config.queryWidth),
                innerOperands: OperandRows(format, rows: blockRows, columns: inner),
                normal: matrix($0.normal, rows: strip, columns: width),
                product: matrix($0.product, rows: strip, columns: width),
                gateUp: matrix($0.gateUp, rows: strip, columns: 2 * inner), attention: memory + $0.attention)
        }

        var thetas: [Float] = []
        positionsOfLayer = config.layers.map { layer in
            if let known = thetas.firstIndex(of: layer.theta) { return known }
            thetas.append(layer.theta)
            return thetas.count - 1
        }
        positions = thetas.map { RotaryPositions(places: longest, headWidth: config.headWidth, theta: $0) }
    }

    deinit { lane.giveBack(buffer) }

    func scratch(_ slot: Int) -> Scratch { scratches[slot] }

    func keyValue(layer: Int) -> MutableMatrixView { recording?.layer(layer) ?? keyValues }

    func positions(layer: Int) -> RotaryPositions { positions[positionsOfLayer[layer]] }

    /// Calls `body` for each strip of a block of `count` rows.
    func forEachStrip(of count: Int, _ body: (Range<Int>) -> Void) {
        for start in stride(from: 0, to: count, by: stripRows) { body(start..<min(count, start + stripRows)) }
    }

    /// Calls `body` with each of these tokens of the batch and its place in its sequence, the prefix included.
    func forEachPlace(_ batch: TokenBatch, _ rows: Range<Int>, _ body: (_ token: Int, _ place: Int) -> Void) {
        var sequence = batch.sequence(ofToken: rows.lowerBound)
        for token in rows {
            while token >= batch.starts[sequence + 1] { sequence += 1 }
            body(token, prefixTokens + token - batch.starts[sequence])
        }
    }

    /// Takes one token of each sequence: [B, H].
    func pick(_ output: RotaryTransformer.Output, of batch: TokenBatch) -> MutableMatrixView {
        for sequence in 0..<batch.sequences {
            guard let token = output.token(of: batch.range(sequence)) else { continue }
            picked[sequence].update(from: hidden[token], count: hidden.columns)
        }
        return picked
    }
}
