import Ranking

/// Rows on the left of a linear layer.
enum Operand {
    case single(MatrixView)
    case narrow(NarrowRows)
}

/// A linear layer in the model's precision.
enum Projection: Sendable {
    case single(Linear)
    case narrow(NarrowLinear)

    /// Without a format, in single precision.
    static func load(
        _ checkpoint: Checkpoint, stacked sources: [LinearSource], inputs: Int, outputs: Int, format: NarrowFormat?,
        kernels: Kernels
    ) throws(RankingError) -> Projection {
        guard let format else {
            return .single(
                try Linear.load(checkpoint, stacked: sources, inputs: inputs, outputs: outputs, kernels: kernels))
        }
        return .narrow(
            try NarrowLinear.load(
                checkpoint, stacked: sources, inputs: inputs, outputs: outputs, format: format, kernels: kernels))
    }

    func callAsFunction(_ x: Operand, into y: MutableMatrixView, _ kernels: Kernels) {
        switch (self, x) {
        case (.single(let layer), .single(let x)): layer(x, into: y, kernels)
        case (.narrow(let layer), .narrow(let x)): layer(x, into: y, kernels)
        default: preconditionFailure("operands and weights of one model have one precision")
        }
    }
}

/// Where the operands of a block of rows wait for their linear layer: bytes or bfloat16 in a narrow format; nothing of
/// their own in single precision, which multiplies the rows themselves.
struct OperandRows {
    private let narrow: NarrowRows?

    init(_ format: NarrowFormat?, rows: Int, columns: Int) {
        narrow = format.map { NarrowRows($0, rows: rows, columns: columns) }
    }

    /// The operand of rows `strip` of the block, which are `x`.
    func put(_ x: MatrixView, _ strip: Range<Int>, _ kernels: Kernels) -> Operand {
        guard let narrow else { return .single(x) }
        kernels.narrow(x, into: narrow.rows(strip))
        return .narrow(narrow.rows(strip))
    }

    /// What `put` gave for this strip. In single precision `x` has to hold the same rows still.
    func operand(_ x: MatrixView, _ strip: Range<Int>) -> Operand {
        narrow.map { .narrow($0.rows(strip)) } ?? .single(x)
    }
}
