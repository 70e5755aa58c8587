public import Inference
import OrderedJSON
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Makes an int8 checkpoint of a cross-encoder: a quarter of the size of float32, and the weights that int8 inference
/// multiplies.
///
/// The new directory appears only after its logits were compared with the old one's.
public struct ModelQuantizer: Sendable {
    /// Below this correlation the result is thrown away.
    public var leastCorrelation = 0.999
    private let pool: ComputePool

    public init(pool: ComputePool = .shared) { self.pool = pool }

    /// Writes `target`, which must not exist yet, from a directory in the Hugging Face layout.
    ///
    /// Throws RankingError: `invalidInput` where `target` exists, the model is quantized already or the samples cannot
    /// tell models apart; `qualityTooLow` where the logits correlate less than `leastCorrelation`; `storage` where the
    /// files cannot be written. Nothing is left behind then.
    public func quantize(_ source: String, to target: String, samples: [PairSample]) async throws -> QuantizationCheck {
        let manager = FileManager.default
        guard !manager.fileExists(atPath: target) else {
            throw RankingError(
                .invalidInput, what: "\(target) exists already.", why: "A model is never written over another.",
                fix: "Name a directory that does not exist.")
        }
        let reference = try Reranker.load(directory: source, pool: pool, precision: .fp32)
        guard reference.model.weightTypes["I8"] == nil else {
            throw RankingError(
                .invalidInput, what: "\(source) has int8 weights already.",
                why: "Rounding them again only adds errors.",
                fix: "Quantize the float checkpoint that it was made from.")
        }
        let building = target + ".building"
        try? manager.removeItem(atPath: building)
        defer { try? manager.removeItem(atPath: building) }
        do {
            try manager.createDirectory(atPath: building, withIntermediateDirectories: true)
            try copyFiles(from: source, to: building)
        } catch let error as RankingError {
            throw error
        } catch {
            throw ModelQuantizer.storage(building, error)
        }
        try Checkpoint(directory: source).writeInt8(
            to: building + "/model.safetensors", keeping: ["classifier.", "score."])
        let check = try await compare(reference, Reranker.load(directory: building, pool: pool), samples)
        guard check.correlation >= leastCorrelation else {
            throw RankingError(
                .qualityTooLow,
                what:
                    "The logits of the int8 model have a correlation of \(check.correlation) with those of \(source).",
                why: "At least \(leastCorrelation) is asked for; the largest difference is \(check.worstDifference).",
                fix: "Use the model as it is, or allow less with --min-correlation.")
        }
        do {
            try manager.moveItem(atPath: building, toPath: target)
        } catch {
            throw ModelQuantizer.storage(target, error)
        }
        return check
    }

    private func compare(
        _ reference: Reranker, _ quantized: Reranker, _ samples: [PairSample]
    ) async throws -> QuantizationCheck {
        let options = RerankOptions(activation: .identity, label: reference.model.labels == 1 ? nil : 0)
        var logits: [[(reference: Double, quantized: Double)]] = []
        for sample in samples {
            let first = try await reference.scores(sample.query, sample.documents, options: options)
            let second = try await quantized.scores(sample.query, sample.documents, options: options)
            logits.append(zip(first, second).map { (Double($0), Double($1)) })
        }
        guard let check = QuantizationCheck(logits) else {
            throw RankingError(
                .invalidInput, what: "The pairs cannot tell models apart.",
                why: "Two logits that differ are needed to compare.", fix: "Give more pairs of query and document.")
        }
        return check
    }

    /// Everything that is no weights: config.json says what the weights are now. A calibration is left behind, because
    /// it was fitted to other logits.
    private func copyFiles(from source: String, to target: String) throws {
        var config = try JSONFile.object(path: source + "/config.json")
        guard case .object(let quantization) = ModelQuantizer.quantizationConfig else { return }
        config["quantization_config"] = .object(quantization)
        try (JSONValue.object(config).pretty + "\n").write(
            toFile: target + "/config.json", atomically: true, encoding: .utf8)
        let skipped = ["config.json", CalibrationFile.name, "model.safetensors.index.json", "selftest.json"]
        for name in try FileManager.default.contentsOfDirectory(atPath: source).sorted() {
            guard name.hasSuffix(".json") || name.hasSuffix(".txt") || name.hasSuffix(".model"),
                !skipped.contains(name), FileStatus.isFile(source + "/" + name)
            else { continue }
            try FileManager.default.copyItem(atPath: source + "/" + name, toPath: target + "/" + name)
        }
    }

    /// As compressed-tensors names it.
    private static let quantizationConfig: JSONValue = {
        func object(_ members: [(String, JSONValue)]) -> JSONValue {
            var object = JSONObject()
            for (key, value) in members { object[key] = value }
            return .object(object)
        }
        let weights = object([
            ("num_bits", .number(JSONNumber(8))), ("type", .string("int")), ("symmetric", .bool(true)),
            ("strategy", .string("channel")),
        ])
        let group = object([("targets", .array([.string("Linear"), .string("Embedding")])), ("weights", weights)])
        return object([
            ("quant_method", .string("compressed-tensors")), ("format", .string("int-quantized")),
            ("config_groups", object([("group_0", group)])), ("ignore", .array([.string("classifier")])),
        ])
    }()

    private static func storage(_ path: String, _ error: any Error) -> RankingError {
        RankingError(
            .storage, what: "\(path) cannot be written.", why: "The system refused it: \(error)",
            fix: "Check the permissions and the space of the folder.", cause: error)
    }
}
