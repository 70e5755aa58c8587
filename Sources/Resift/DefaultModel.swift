public import Inference
public import Ranking
public import Reranking
import Tokenizers

/// The cross-encoder inside the package: BERT, 6 layers, hidden 384, int8 weights. See Documentation/default-model.md.
public enum DefaultModel {
    public static let name = "resift-default-v0"

    /// The directory of the model's files.
    ///
    /// SwiftPM puts resources beside the program that links them; an installation has them under share/resift. The
    /// environment variable RESIFT_RESOURCES names the folder that holds `default-model` where neither is so.
    public static func directory() throws(RankingError) -> String {
        let candidates = ResourceFolder.candidates(target: "Resift").map { $0 + "/default-model" }
        guard let found = candidates.first(where: FileStatus.isDirectory) else {
            throw RankingError(
                .notFound, what: "The model inside the package was not found.",
                why:
                    "The program was moved without its resource folder; looked for \(candidates.joined(separator: ", ")).",
                fix:
                    "Install with `make install`, keep resift_Resift.resources beside the program, or set RESIFT_RESOURCES."
            )
        }
        return found
    }

    /// Its tokenizer alone, without the weights.
    static func tokenizer() throws(RankingError) -> Tokenizer {
        let path = try directory() + "/tokenizer.json"
        return try Tokenizer.load(JSONFile.value(path: path), source: path)
    }
}

extension Reranker {
    /// The reranker inside the package. No network, no download.
    public static func `default`(
        pool: ComputePool = .shared, precision: Precision = .auto
    ) throws(RankingError) -> Reranker {
        try load(directory: DefaultModel.directory(), pool: pool, precision: precision)
    }
}
