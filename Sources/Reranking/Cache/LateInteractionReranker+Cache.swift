import Inference
public import Ranking

extension LateInteractionReranker {
    /// The same reranker with a cache in front, which others can share: keys hold a digest of the model's files, its
    /// precision and kernels, the options, the query and the document's text. Reads the files once, as
    /// `Reranker.caching(in:)` does.
    public func caching(in cache: any ScoreCache) throws(RankingError) -> CachedRanker {
        let model = encoder.description
        let layout = try LateInteractionDirectory(path: model.directory)
        let folders = [model.directory, layout.bodyPath] + layout.projections.map(\.folder)
        var revisions: [String] = []
        for folder in folders {
            let digest = try ModelRevision.digest(directory: folder, settings: LateInteractionDirectory.settingsFiles)
            revisions.append(digest.map { "\($0)" }.joined(separator: " "))
        }
        let configuration = ["late interaction", model.precision.rawValue, model.kernels] + revisions
        return CachedRanker(self, configuration: configuration.joined(separator: "\n"), in: cache)
    }
}

extension LateInteractionDirectory {
    /// Files that decide scores, beside those that every model has.
    fileprivate static let settingsFiles: Set = [
        "artifact.metadata", "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json",
    ]
}
