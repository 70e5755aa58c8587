// DeBERTa v2 and v3: BERT's body with disentangled attention. A score is the sum of content to content, content to
// position and position to content:
//
//     A_ij = (q_i · k_j + q_i · kʳ_t + k_j · qʳ_t) / √(3D),   t = bucket(i - j) + buckets
//
// where kʳ and qʳ are the keys and queries of a table of relative positions that all layers share. There are no token
// types and no absolute positions unless the file says so; the head is act(h₀ W_d + b_d) W_o + b_o.
//
// Paper: He et al., DeBERTa, ICLR 2021, <https://arxiv.org/abs/2006.03654>; DeBERTaV3, ICLR 2023,
// <https://arxiv.org/abs/2111.09543>.
// Python original: transformers 4.57.6, models/deberta_v2/modeling_deberta_v2.py.
// Proven by conformance tests: the fixture deberta-v2-cross-encoder (mxbai-rerank-*-v1).
// Checkpoints differ in: which of the two position terms they have, whether the table has projections of its own, its
// LayerNorm. The convolution of the two largest v2 models is refused.

package import OrderedJSON
package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension BERTConfig {
    package static func debertaV2(_ config: JSONObject, path: String) throws(RankingError) -> BERTConfig {
        let reader = FieldReader(config, source: path)
        var deberta = try BERTConfig(config, path: path, keys: Keys())
        deberta.layerNormEps = try reader.float("layer_norm_eps", in: 0...1, default: 1e-7)
        deberta.typeVocabSize = try reader.integer("type_vocab_size", in: 0...1_024, default: 0)
        deberta.types = deberta.typeVocabSize > 0 ? .asGiven : .none
        deberta.positions = try reader.bool("position_biased_input", default: true) ? .fromZero : .none
        deberta.relative = try RelativePositionConfig(config, path: path, deberta)
        for (key, plain) in [("embedding_size", deberta.hiddenSize), ("conv_kernel_size", 0)] {
            let value = try reader.integer(key, in: 0...1_048_576, default: plain)
            guard value == plain else {
                throw RankingError(
                    .unsupportedModel, what: "\(path) has \(key) \(value).",
                    why: "Of DeBERTa, Resift computes models with \(key) \(plain).",
                    fix: "Use deberta-v3-base, -small, -xsmall or -large, or a reranker made from one.")
            }
        }
        deberta.layout.prefix = "deberta."
        deberta.layout.query = LinearSource("attention.self.query_proj")
        deberta.layout.key = LinearSource("attention.self.key_proj")
        deberta.layout.value = LinearSource("attention.self.value_proj")
        deberta.head = ClassificationHead.Layout(
            dense: LinearSource("pooler.dense"),
            activation: try Activation(
                configName: reader.string("pooler_hidden_act", default: "gelu"),
                among: Activation.gelus + [.tanh, .relu]),
            classifier: LinearSource("classifier"))
        return deberta
    }
}

/// How DeBERTa's attention sees the distance of two tokens.
package struct RelativePositionConfig: Sendable, Equatable {
    /// Of each direction; the table has twice as many rows.
    var buckets: Int
    /// Distances up to half the buckets have one each, further ones up to this share the rest by their logarithm.
    /// nil where every distance has a bucket.
    var maxDistance: Int?
    var contentToPosition: Bool
    var positionToContent: Bool
    /// Keys and queries of positions come from the projections of the content.
    var sharesProjections: Bool
    var hasNorm: Bool

    init(_ config: JSONObject, path: String, _ model: BERTConfig) throws(RankingError) {
        let reader = FieldReader(config, source: path)
        guard try reader.bool("relative_attention", default: false) else {
            throw RankingError(
                .unsupportedModel, what: "\(path) has relative_attention false.",
                why: "Resift computes DeBERTa's disentangled attention.", fix: "Use another checkpoint.")
        }
        let largest = try reader.integer("max_relative_positions", in: -1...1_048_576, default: -1)
        let distances = largest < 1 ? model.maxPositionEmbeddings : largest
        let logarithmic = try reader.integer("position_buckets", in: -1...1_048_576, default: -1)
        buckets = logarithmic > 0 ? logarithmic : distances
        maxDistance = logarithmic > 0 ? distances : nil
        if let maxDistance, buckets < 4 || maxDistance <= buckets / 2 + 1 {
            throw reader.corrupt("has position_buckets \(buckets) for \(maxDistance) relative positions")
        }
        let kinds = try RelativePositionConfig.kinds(config["pos_att_type"], reader)
        contentToPosition = kinds.contains("c2p")
        positionToContent = kinds.contains("p2c")
        sharesProjections = try reader.bool("share_att_key", default: false)
        hasNorm = try reader.string("norm_rel_ebd", default: "none").split(separator: "|").contains("layer_norm")
    }

    /// A list, or its parts joined by "|".
    private static func kinds(_ value: JSONValue?, _ reader: FieldReader) throws(RankingError) -> [String] {
        var kinds: [String] = []
        switch value {
        case .string(let text)?: kinds = text.split(separator: "|").map { $0.lowercased() }
        case .array(let items)?:
            for item in items {
                guard case .string(let text) = item else { throw reader.corrupt("has a pos_att_type that is no text") }
                kinds.append(text.lowercased())
            }
        default: break
        }
        guard !kinds.isEmpty, kinds.allSatisfy(["c2p", "p2c"].contains) else {
            throw RankingError(
                .unsupportedModel, what: "A DeBERTa has pos_att_type [\(kinds.joined(separator: ", "))].",
                why: "Supported are c2p, p2c and both.", fix: "Use another checkpoint.")
        }
        return kinds
    }

    /// The denominator's factor: one for the content and one for each position term.
    var terms: Int { 1 + (contentToPosition ? 1 : 0) + (positionToContent ? 1 : 0) }

    /// The row of the table for each distance of query and key from 1 - tokens to tokens - 1, in this order.
    func rows(tokens: Int) -> [Int32] {
        (1 - tokens..<max(tokens, 1)).map { distance in
            Int32(min(max(bucket(distance) + buckets, 0), 2 * buckets - 1))
        }
    }

    /// In single precision, as the reference computes it: a logarithm decides between two buckets.
    private func bucket(_ distance: Int) -> Int {
        let middle = buckets / 2
        guard let maxDistance, abs(distance) > middle else { return distance }
        let depth = logf(Float(abs(distance)) / Float(middle)) / logf(Float(maxDistance - 1) / Float(middle))
        let bucket = Int((depth * Float(middle - 1)).rounded(.up)) + middle
        return distance < 0 ? -bucket : bucket
    }
}

/// Keys and queries of the relative positions for each head of one layer.
struct RelativeAttention: Sendable {
    private let keys: [PackedMatrix]
    private let queries: [PackedMatrix]

    /// `table` is [2 * buckets, H], normalized.
    static func load(
        _ checkpoint: Checkpoint, _ layer: String, table: FloatBuffer, _ config: BERTConfig,
        _ relative: RelativePositionConfig, _ kernels: Kernels
    ) throws(RankingError) -> RelativeAttention {
        let (width, rows) = (config.hiddenSize, 2 * relative.buckets)
        func heads(_ source: LinearSource, isPresent: Bool) throws(RankingError) -> [PackedMatrix] {
            // A term that the model lacks is a sum of zeros.
            var projected = [Float](repeating: 0, count: rows * width)
            if isPresent {
                let linear = try Linear.load(
                    checkpoint, stacked: [source.inside(layer)], inputs: width, outputs: width, kernels: kernels)
                projected.withMatrix(rows: rows, columns: width) {
                    linear(MatrixView(table.base, rows: rows, columns: width), into: $0, kernels)
                }
            }
            var packed: [PackedMatrix] = []
            projected.withMatrix(rows: rows, columns: width) { matrix in
                for head in 0..<config.numAttentionHeads {
                    let columns = head * config.headWidth..<(head + 1) * config.headWidth
                    packed.append(kernels.pack(weight: matrix.readOnly.columns(columns)))
                }
            }
            return packed
        }
        let (own, layout) = (!relative.sharesProjections, config.layout)
        return RelativeAttention(
            keys: try heads(
                own ? LinearSource("attention.self.pos_key_proj") : layout.key, isPresent: relative.contentToPosition),
            queries: try heads(
                own ? LinearSource("attention.self.pos_query_proj") : layout.query,
                isPresent: relative.positionToContent))
    }

    /// `buckets` points at the row of distance 0.
    func positions(head: Int, buckets: UnsafePointer<Int32>) -> Kernels.RelativePositions {
        Kernels.RelativePositions(keys: keys[head], queries: queries[head], buckets: buckets)
    }

    /// The table of relative positions, normalized where the model does so.
    static func table(
        _ checkpoint: Checkpoint, _ prefix: String, _ config: BERTConfig, _ relative: RelativePositionConfig,
        _ kernels: Kernels
    ) throws(RankingError) -> FloatBuffer {
        let (width, rows) = (config.hiddenSize, 2 * relative.buckets)
        let table = FloatBuffer(
            try checkpoint.floats(prefix + "encoder.rel_embeddings.weight", shape: [rows, width]))
        if relative.hasNorm {
            let norm = try LayerNorm.load(
                checkpoint, prefix + "encoder.LayerNorm", width: width, epsilon: config.layerNormEps)
            let matrix = MutableMatrixView(table.writable, rows: rows, columns: width)
            norm(matrix.readOnly, into: matrix, kernels)
        }
        return table
    }
}
