package import Ranking

/// y = x Wᵀ + b with operands in a narrow format and a result in single precision.
package struct NarrowLinear: Sendable {
    private let weight: NarrowMatrix

    package var outputs: Int { weight.outputs }

    /// Loads several layers of the same input as one, as `Linear` does.
    ///
    /// Weights stored as I8 are packed as they are; others are rounded one output at a time. What was packed before is
    /// taken from the checkpoint's `packed` file.
    package static func load(
        _ checkpoint: Checkpoint, stacked sources: [LinearSource], inputs: Int, outputs: Int, format: NarrowFormat,
        kernels: Kernels
    ) throws(RankingError) -> NarrowLinear {
        guard format == .bf16 || inputs <= Kernels.maxInt8Inputs else {
            throw RankingError(
                .unsupportedModel, what: "A layer of the model has \(inputs) inputs.",
                why: "int8 adds up at most \(Kernels.maxInt8Inputs) products.", fix: "Choose the precision fp32.")
        }
        let keys = sources.map(\.key)
        let layout = kernels.layout(format, inputs: inputs, outputs: outputs * sources.count)
        if let weight = checkpoint.packed?.matrix(keys, layout) { return NarrowLinear(weight: weight) }
        // All shapes are right before memory is taken for any of them.
        var stored: [Checkpoint.StoredLinear] = []
        for source in sources { stored.append(try checkpoint.linear(source, inputs: inputs, outputs: outputs)) }
        var packer = kernels.packer(layout)
        var row = [Float](repeating: 0, count: inputs)
        for (source, layer) in zip(sources, stored) {
            let isFinite = row.withUnsafeMutableBufferPointer { row in
                pack(layer, row, asIntegers: format == .int8, &packer)
            }
            guard isFinite else { throw checkpoint.notFinite(source.name + ".weight") }
            layer.releasePages()
        }
        let weight = packer.packed()
        checkpoint.packed?.keep(weight, keys)
        return NarrowLinear(weight: weight)
    }

    /// False if a weight is not a finite number.
    private static func pack(
        _ layer: Checkpoint.StoredLinear, _ row: UnsafeMutableBufferPointer<Float>, asIntegers: Bool,
        _ packer: inout Kernels.NarrowPacker
    ) -> Bool {
        guard let values = row.baseAddress else { return false }
        for (output, bias) in layer.bias.enumerated() {
            if asIntegers, let (integers, scale) = layer.integers(output: output) {
                guard (scale * 128).isFinite else { return false }
                packer.add(integers, scale: scale, bias: bias)
            } else {
                layer.read(output: output, into: values)
                guard Kernels.allFinite(UnsafeBufferPointer(row)) else { return false }
                packer.add(values, bias: bias)
            }
        }
        return true
    }

    package func callAsFunction(_ x: NarrowRows, into y: MutableMatrixView, _ kernels: Kernels) {
        kernels.matmul(x, weight, into: y)
    }
}
