/// How the rows of a forward pass are cut into blocks that go through a layer's linear part together.
///
/// Few enough rows that their activations stay in the L2 cache (168 x 1536 floats are 1 MB), enough that reading the
/// weights is paid for.
struct RowBlocks {
    private static let maxRows = 168

    /// All rows.
    let count: Int
    /// Rows of the largest block.
    let rows: Int

    init(count: Int, threads: Int) {
        self.count = count
        rows = RowBlocks.equalRows(count, threads)
    }

    /// Calls `body(rows, slot)` for blocks of `0..<count` (of all rows by default), shared out over the threads.
    func forEach(of count: Int? = nil, _ lane: Lane, _ body: @escaping (Range<Int>, Int) -> Void) {
        let count = count ?? self.count
        let rows = min(self.rows, RowBlocks.equalRows(count, lane.threads))
        lane.parallelFor((count + rows - 1) / rows) { block, slot in
            body(block * rows..<min(count, (block + 1) * rows), slot)
        }
    }

    /// Blocks of equal height, as many for each thread.
    private static func equalRows(_ count: Int, _ threads: Int) -> Int {
        let rounds = (count + maxRows * threads - 1) / (maxRows * threads)
        let blocks = max(1, rounds * threads)
        return max(1, (count + blocks - 1) / blocks)
    }
}

extension MutableMatrixView {
    /// Takes the first row of each sequence.
    func gatherFirstTokens(of batch: TokenBatch, from hidden: MutableMatrixView) {
        for sequence in 0..<batch.sequences {
            self[sequence].update(from: hidden[batch.starts[sequence]], count: hidden.columns)
        }
    }
}

extension Lane {
    /// `body` gets a sequence, the columns of a head in an [_, H] matrix, and a scratch slot.
    func forEachHead(of batch: TokenBatch, _ config: BERTConfig, _ body: @escaping (Int, Range<Int>, Int) -> Void) {
        let (heads, width) = (config.numAttentionHeads, config.headWidth)
        parallelFor(batch.sequences * heads) { iteration, slot in
            let (sequence, head) = iteration.quotientAndRemainder(dividingBy: heads)
            body(sequence, head * width..<(head + 1) * width, slot)
        }
    }
}
