import Hub
public import Inference
public import Ranking
public import Reranking
public import Retrieval
import Tokenizers

/// What `resift index build` does unless told otherwise.
public enum IndexDefaults {
    /// Fits the default reranker's 512 tokens beside a query, with room for a title.
    public static let passageTokens = 384
    /// At most a quarter of the passage.
    public static let overlapTokens = 64

    /// The size of passages: what was asked for (0: never split), and no more than the index's models read.
    public static func passageTokens(
        asked: Int?, embedder: BiEncoder?, tokenEncoder: LateInteractionEncoder? = nil
    ) throws(RankingError) -> Int? {
        if asked == 0 { return nil }
        return min(
            asked ?? passageTokens, try embedder?.documentTokens() ?? .max, tokenEncoder?.documentTokens ?? .max)
    }

    /// How token vectors are stored: a quarter of float16's bytes, for next to nothing in quality.
    public static let tokenVectorForm = TokenVectorForm.residual4
}

/// Loads the embedding model that an index was built with.
public enum IndexEmbedder {
    /// Nil for an index without vectors.
    ///
    /// - Parameter directory: Where the model is now, or owner/name in the cache; nil for what was named at the build.
    ///
    /// Throws `notFound` where it is not there, `invalidInput` where it is another model.
    public static func load(
        _ settings: IndexSettings, directory: String?, pool: ComputePool = .shared
    ) async throws -> BiEncoder? {
        guard let description = settings.embedder else {
            guard let directory else { return nil }
            throw RankingError(
                .invalidInput, what: "The index has no vectors, and \(directory) was named as its embedding model.",
                why: "It was built without one.", fix: "Leave --embedder out, or build the index again with it.")
        }
        let path = directory ?? description.directory
        let embedder = try BiEncoder.load(
            directory: IndexModel.directory(path, isAsBuilt: directory == nil, option: "--embedder"), pool: pool)
        let probe = try await IndexSettings.describe(embedder, directory: path)
        try description.check(dimension: probe.dimension, probe: probe.probe, directory: path)
        return embedder
    }
}

/// Loads the late-interaction model that an index was built with.
public enum IndexTokenEncoder {
    /// Nil for an index without token vectors.
    ///
    /// - Parameter directory: Where the model is now, or owner/name in the cache; nil for what was named at the build.
    ///
    /// Throws `notFound` where it is not there, `invalidInput` where it is another model.
    public static func load(
        _ settings: IndexSettings, directory: String?, pool: ComputePool = .shared
    ) async throws -> LateInteractionEncoder? {
        let option = "--late-interaction"
        guard let description = settings.lateInteraction?.model else {
            guard let directory else { return nil }
            throw RankingError(
                .invalidInput,
                what: "The index has no token vectors, and \(directory) was named as its late-interaction model.",
                why: "It was built without one.", fix: "Leave \(option) out, or build the index again with it.")
        }
        let path = directory ?? description.directory
        let encoder = try LateInteractionEncoder.load(
            directory: IndexModel.directory(path, isAsBuilt: directory == nil, option: option), pool: pool)
        let probe = try await IndexSettings.describe(encoder, directory: path)
        try description.check(dimension: probe.dimension, probe: probe.probe, directory: path, option: option)
        return encoder
    }
}

private enum IndexModel {
    /// - Parameter isAsBuilt: True where the index says where the model is, not the caller.
    static func directory(_ model: String, isAsBuilt: Bool, option: String) throws(RankingError) -> String {
        let path = try ModelStore().directory(of: model)
        guard FileStatus.isDirectory(path) else {
            throw RankingError(
                .notFound, what: "There is no model directory \(path).",
                why: "The vectors of the index were made by the model that was there.",
                fix: isAsBuilt ? "Say where the index's model is now: \(option) DIRECTORY." : "Check the path.")
        }
        return path
    }
}
