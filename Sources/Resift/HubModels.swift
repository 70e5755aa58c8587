public import Hub
public import Inference
public import Ranking
public import Reranking

extension Reranker {
    /// Loads a directory, or "owner/name[@revision]" of the hub from the cache. Never touches the network:
    /// `ModelStore.download(_:)` does.
    ///
    /// Throws RankingError: `notFound` where there is no such directory and no such model in the cache, and what
    /// `load(directory:)` throws.
    public static func load(
        model: String, store: ModelStore = ModelStore(), pool: ComputePool = .shared, precision: Precision = .auto
    ) throws(RankingError) -> Reranker {
        try load(directory: store.directory(of: model), pool: pool, precision: precision)
    }
}

extension BiEncoder {
    /// As `Reranker.load(model:)`, for embeddings.
    public static func load(
        model: String, store: ModelStore = ModelStore(), pool: ComputePool = .shared
    ) throws(RankingError) -> BiEncoder {
        try load(directory: store.directory(of: model), pool: pool)
    }
}
