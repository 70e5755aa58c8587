public import Ranking
public import RemoteRerankers
import TextFiles
import Yams

/// What rerankers cost, by name: a YAML or JSON file.
///
/// ```yaml
/// cohere:rerank-v3.5: {per-search-unit: 0.002}
/// voyage: {per-million-input-tokens: 0.05}        # every model of the service that has no entry of its own
/// llm:anthropic/MODEL: {per-million-input-tokens: 3, per-million-output-tokens: 15}
/// ```
///
/// US dollars, which are yours to look up: services change their prices. `llm-pointwise:` costs what `llm:` does. A language model
/// needs both of its prices.
public struct PriceList: Sendable, Equatable {
    private var prices: [String: ServicePrice] = [:]

    public init() {}

    /// Throws `notFound` for a file that cannot be read, `invalidInput` for what is no such list.
    public init(path: String) throws(RankingError) {
        try self.init(yaml: String(decoding: InputBytes.read(path: path).bytes, as: UTF8.self), path: path)
    }

    /// - Parameter path: What errors call it.
    public init(yaml: String, path: String) throws(RankingError) {
        let nodes = NodeReader(path: path)
        let root = try nodes.root(
            of: yaml, empty: "A list of prices names at least one reranker.",
            fix: "Write \"cohere:rerank-v3.5: {per-search-unit: 0.002}\".")
        for (name, node) in try nodes.mapping(root) { prices[name] = try nodes.price(node) }
    }

    /// The price of a reranker by its name, with or without an address; nil where the list has none.
    public subscript(name: String) -> ServicePrice? {
        if let price = prices[name] { return price }
        if let model = try? LanguageModelName(name) {
            return prices[model.description] ?? prices["llm:\(model.provider.rawValue)/\(model.model)"]
                ?? prices["llm:\(model.provider.rawValue)"]
        }
        guard let service = try? RemoteRerankerName(name) else { return nil }
        return prices[service.description] ?? prices[service.service.rawValue]
    }
}

extension NodeReader {
    func price(_ node: Node) throws(RankingError) -> ServicePrice {
        let fields = try mapping(node)
        try check(
            fields, node, known: ["per-search-unit", "per-million-input-tokens", "per-million-output-tokens"])
        func price(_ key: String) throws(RankingError) -> Double? {
            guard let node = fields[key] else { return nil }
            return try number(node, key, atLeast: 0)
        }
        let read = ServicePrice(
            perSearchUnit: try price("per-search-unit"),
            perMillionInputTokens: try price("per-million-input-tokens"),
            perMillionOutputTokens: try price("per-million-output-tokens"))
        guard read != ServicePrice() else {
            throw error(
                node, "A price says nothing.", fix: "Write {per-million-input-tokens: 0} for what costs nothing.")
        }
        return read
    }
}
