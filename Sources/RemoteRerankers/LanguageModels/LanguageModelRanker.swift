public import Reranking

/// A reranker that is a language model.
public protocol LanguageModelRanker: DocumentRanker {
    var model: LanguageModel { get }
}

extension LanguageModelRanker {
    public var name: String { model.name }
    public var services: [String] { [name] }
}
