package import Ranking

extension Checkpoint {
    /// Writes the checkpoint with its matrices as I8 and one F32 scale a row, symmetric:
    /// `scale = max |w| / 127`, `q = round(w / scale)`, ties to even, as int8 inference rounds the original's. Vectors
    /// become F32; the matrices of a head, whose names start with one of `kept`, too. Tensors of integers stay as they
    /// are.
    ///
    /// Throws RankingError where a weight is not finite, and where the file cannot be written.
    package func writeInt8(to path: String, keeping kept: [String]) throws(RankingError) {
        var outputs: [SafetensorsWriter.Tensor] = []
        for tensor in tensors.values {
            let (name, shape) = (tensor.name, tensor.entry.shape)
            guard tensor.entry.type.isFloat else {
                outputs.append(SafetensorsWriter.Tensor(name: name, type: tensor.entry.type, shape: shape))
                continue
            }
            let isQuantized = shape.count == 2 && !kept.contains(where: name.hasPrefix)
            outputs.append(SafetensorsWriter.Tensor(name: name, type: isQuantized ? .i8 : .f32, shape: shape))
            if isQuantized {
                outputs.append(SafetensorsWriter.Tensor(name: name + "_scale", type: .f32, shape: [shape[0], 1]))
            }
        }
        outputs = SafetensorsWriter.ordered(outputs)
        let writer = try SafetensorsWriter(path: path, tensors: outputs)
        for output in outputs {
            if let tensor = tensors[output.name] {
                guard tensor.entry.type.isFloat else {
                    try writer.append(tensor.bytes)
                    continue
                }
                let matrix = try matrix(output.name, shape: output.shape)
                try write(matrix, output.name, as: output.type == .i8 ? .integers : .floats, writer)
            } else {
                let name = String(output.name.dropLast("_scale".count))
                guard let entry = tensors[name]?.entry else { continue }
                try write(matrix(name, shape: entry.shape), name, as: .scales, writer)
            }
        }
        try writer.finish()
    }

    private enum Form { case floats, integers, scales }

    private func write(
        _ matrix: StoredMatrix, _ name: String, as form: Form, _ writer: SafetensorsWriter
    ) throws(RankingError) {
        var row = [Float](repeating: 0, count: matrix.columns)
        var integers = [Int8](repeating: 0, count: matrix.columns)
        for index in 0..<matrix.rows {
            row.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { matrix.read(row: index, into: base) }
            }
            guard row.allSatisfy(\.isFinite) else { throw notFinite(name) }
            if form == .floats {
                try writer.append(row)
                continue
            }
            let scale = row.withUnsafeBufferPointer { row in
                integers.withUnsafeMutableBufferPointer { Kernels.quantize(row, into: $0) }
            }
            if form == .scales { try writer.append([scale]) } else { try writer.append(integers) }
        }
    }
}

extension SafetensorsFile.ItemType {
    /// Weights that can be read as they are.
    fileprivate var isFloat: Bool { self == .f32 || self == .f16 || self == .bf16 }
}
