import OrderedJSON
package import Ranking

/// The weights of one model: a `model.safetensors`, or the shards that a `model.safetensors.index.json` names.
///
/// Tensors are read as Float whatever they are stored as. An I8 tensor `name` of shape [rows, columns] needs an F32
/// companion `name_scale` of shape [rows, 1] beside it: value = integer * scale of its row (symmetric, per output
/// channel, named as compressed-tensors does).
package struct Checkpoint: Sendable {
    package struct Tensor: Sendable {
        package var name: String
        package var entry: SafetensorsFile.Entry
        package var file: SafetensorsFile

        var bytes: UnsafeRawBufferPointer { file.bytes(of: entry) }
    }

    package let tensors: [String: Tensor]
    package let description: String
    /// Where its weights are kept in packed form; nil to pack them each time.
    package var packed: PackedWeights?

    package init(directory: String) throws(RankingError) {
        let single = directory + "/model.safetensors"
        let index = directory + "/model.safetensors.index.json"
        if FileStatus.isFile(single) {
            try self.init(files: [SafetensorsFile(path: single)], description: single)
        } else if FileStatus.isFile(index) {
            try self.init(index: index, directory: directory)
        } else {
            throw RankingError(
                .notFound, what: "\(directory) has neither model.safetensors nor model.safetensors.index.json.",
                why: "Resift reads weights in the safetensors format only; pytorch_model.bin can run code when opened.",
                fix:
                    "Download the safetensors files of the model, or convert it with save_pretrained(safe_serialization=True)."
            )
        }
    }

    package init(files: [SafetensorsFile], description: String) {
        var tensors: [String: Tensor] = [:]
        for file in files {
            for (name, entry) in file.entries { tensors[name] = Tensor(name: name, entry: entry, file: file) }
        }
        self.tensors = tensors
        self.description = description
    }

    private init(index: String, directory: String) throws(RankingError) {
        let value = try JSONFile.object(path: index)
        guard case .object(let map)? = value["weight_map"] else {
            throw Checkpoint.corrupt(index, "has no weight_map object")
        }
        var files: [String: SafetensorsFile] = [:]
        var tensors: [String: Tensor] = [:]
        for member in map.members {
            guard case .string(let shard) = member.value, !shard.contains("/"), !shard.hasPrefix(".") else {
                throw Checkpoint.corrupt(
                    index, "places tensor \"\(member.key)\" in something else than a file of this directory")
            }
            if files[shard] == nil { files[shard] = try SafetensorsFile(path: directory + "/" + shard) }
            guard let file = files[shard], let entry = file.entries[member.key] else {
                throw Checkpoint.corrupt(index, "places tensor \"\(member.key)\" in \(shard), which does not hold it")
            }
            tensors[member.key] = Tensor(name: member.key, entry: entry, file: file)
        }
        self.tensors = tensors
        self.description = index
    }

    package func contains(_ name: String) -> Bool { tensors[name] != nil }

    /// The values of a tensor of exactly this shape, row after row.
    package func floats(_ name: String, shape: [Int]) throws(RankingError) -> [Float] {
        let matrix = try matrix(name, shape: shape)
        var failure = false
        let values = [Float](unsafeUninitializedCapacity: matrix.rows * matrix.columns) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            matrix.read(rows: 0..<matrix.rows, into: base)
            count = matrix.rows * matrix.columns
            failure = !Kernels.allFinite(UnsafeBufferPointer(start: base, count: count))
        }
        if failure { throw notFinite(name) }
        return values
    }

    /// A tensor of exactly this shape, seen as `shape[0]` rows of the rest, to be read row by row.
    package func matrix(_ name: String, shape: [Int]) throws(RankingError) -> StoredMatrix {
        guard let tensor = tensors[name] else {
            let near = tensors.keys.filter { $0.hasSuffix(name.split(separator: ".").suffix(3).joined(separator: ".")) }
            throw RankingError(
                .corruptFile, what: "\(description) has no tensor \"\(name)\".",
                why: near.isEmpty
                    ? "config.json promises a layer that the weights do not have."
                    : "The weights name it otherwise: \(near.sorted().prefix(3).joined(separator: ", ")).",
                fix: "Take config.json and the weights from the same revision of a model of a supported family.")
        }
        guard tensor.entry.shape == shape else {
            throw RankingError(
                .corruptFile, what: "\"\(name)\" is \(tensor.entry.shape), but config.json asks for \(shape).",
                why: "config.json and \(description) disagree.", fix: "Download both from the same revision.")
        }
        return try StoredMatrix(tensor, scales: scales(of: tensor))
    }

    /// A matrix that is read by rows while the model runs: an embedding table. Every value is finite.
    package func table(_ name: String, shape: [Int]) throws(RankingError) -> StoredMatrix {
        let matrix = try matrix(name, shape: shape)
        // A checkpoint whose packed weights exist has been through this.
        guard packed?.isMapped != true else { return matrix }
        guard matrix.allFinite() else { throw notFinite(name) }
        matrix.releasePages()
        return matrix
    }

    /// The per-row scales of an I8 tensor, nil for the floating-point types.
    private func scales(of tensor: Tensor) throws(RankingError) -> [Float]? {
        switch tensor.entry.type {
        case .f32, .f16, .bf16: return nil
        case .i8:
            let name = tensor.name + "_scale"
            // An I8 scale would need a scale of its own, and so on: a long chain of them would exhaust the stack.
            if let scale = tensors[name], scale.entry.type != .f32 {
                throw RankingError(
                    .unsupportedModel, what: "\"\(name)\" is stored as \(scale.entry.type.rawValue).",
                    why: "The scales of an I8 tensor are read as F32 only.", fix: "Store the scales as float32.")
            }
            return try floats(name, shape: [tensor.entry.shape.first ?? 1, 1])
        default:
            throw RankingError(
                .unsupportedModel, what: "\"\(tensor.name)\" is stored as \(tensor.entry.type.rawValue).",
                why: "Weights can be read as F32, F16, BF16, or I8 with an F32 \"\(tensor.name)_scale\".",
                fix: "Convert the checkpoint to float16 or float32.")
        }
    }

    package func notFinite(_ name: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\"\(name)\" holds a NaN or an infinite value.",
            why: "\(description) is damaged, or the model was saved after training had diverged.",
            fix: "Download the weights again; if the values stay, use another revision.")
    }

    private static func corrupt(_ path: String, _ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(path) \(problem).", why: "The index and the shards do not belong together.",
            fix: "Download the index and all shards from the same revision.")
    }
}

extension Checkpoint {
    /// The files that hold the tensors, by path.
    var files: [MappedFile] {
        var files: [String: MappedFile] = [:]
        for tensor in tensors.values { files[tensor.file.file.path] = tensor.file.file }
        return files.sorted { $0.key < $1.key }.map(\.value)
    }

    /// How many values are stored in each type.
    package var storedTypes: [String: Int] {
        var counts: [String: Int] = [:]
        for tensor in tensors.values { counts[tensor.entry.type.rawValue, default: 0] += tensor.valueCount }
        return counts
    }
}

extension Checkpoint.Tensor {
    var valueCount: Int { entry.range.count / entry.type.size }
}
