import HTTPTypes
import Inference
import Ranking
import Reranking
import Resift

/// The models of one server, by the names that requests call them.
struct ServedModels: Sendable {
    struct Served: Sendable {
        var name: String
        var ranker: any DocumentRanker
        /// Nil for what runs elsewhere, or is made of several.
        var model: Reranker? { ranker as? Reranker }
        /// Of the model on this machine that ranks unless it fails; nil for what runs elsewhere, or is made of several.
        var precision: Precision? { ranker.precision }
        /// What can say which tokens matched.
        var explainer: LateInteractionReranker? { ranker.lateInteraction }
    }

    /// What a request's model name led to.
    struct Choice: Sendable {
        var served: Served
        /// Said in the answer where the name was of no model that is here.
        var warning: String?
    }

    let models: [Served]
    let aliases: [String: String]
    /// Shared by all models.
    let cache: (any ScoreCache)?
    private let standard: Served
    private let unknown: ServerSettings.UnknownModels

    var defaultName: String { standard.name }
    let threads: Int

    /// Loads all models; the first is the default unless the settings name another.
    ///
    /// - Parameter stored: The token vectors of the server's index.
    init(_ settings: ServerSettings, stored: StoredLateInteraction?, pool: ComputePool) throws(RankingError) {
        var models: [Served] = []
        let cache: (any ScoreCache)? =
            if let address = settings.cache {
                try address.open()
            } else {
                settings.cacheBytes > 0 ? MemoryScoreCache(maxBytes: settings.cacheBytes) : nil
            }
        self.cache = cache
        threads = pool.threads
        let loader = RankerLoader(pool: pool, precision: settings.precision, cache: cache, stored: stored)
        for source in settings.models.isEmpty ? [ServerSettings.ModelSource()] : settings.models {
            let ranker = try loader.load(
                source.ranker ?? RankerSpecification(name: source.directory ?? RankerSpecification.defaultName))
            let isDefault = source.ranker == nil && source.directory == nil
            let name = source.name ?? (isDefault ? DefaultModel.name : ranker.name)
            guard !models.contains(where: { $0.name == name }) else {
                throw RankingError(
                    .invalidInput, what: "Two models are called \"\(name)\".",
                    why: "Requests tell them apart by their names.",
                    fix: "Give one another name: --model NAME=DIRECTORY.")
            }
            models.append(Served(name: name, ranker: ranker))
        }
        func find(_ name: String) throws(RankingError) -> Served {
            guard let model = models.first(where: { $0.name == name }) else {
                throw RankingError(
                    .invalidInput, what: "No model is called \"\(name)\".",
                    why: "Served are \(models.map(\.name).joined(separator: ", ")).", fix: "Name one of these.")
            }
            return model
        }
        for (alias, target) in settings.aliases.sorted(by: { $0.key < $1.key }) {
            guard !models.contains(where: { $0.name == alias }) else {
                throw RankingError(
                    .invalidInput, what: "\"\(alias)\" is a model, and an alias of \(target).",
                    why: "A name means one thing.", fix: "Leave the alias out, or call the model something else.")
            }
            _ = try find(target)
        }
        guard let first = models.first else {
            throw RankingError(
                .invalidInput, what: "There is no model.", why: "The list is empty.", fix: "Name one with --model.")
        }
        self.models = models
        standard = try settings.defaultModel.map { name throws(RankingError) in try find(name) } ?? first
        aliases = settings.aliases
        unknown = settings.unknownModels
    }

    func choose(_ name: String?) throws(WireError) -> Choice {
        // What Infinity's client sends where its user named none.
        guard let name, !name.isEmpty, name != "default/not-specified" else { return Choice(served: standard) }
        let resolved = aliases[name] ?? name
        if let model = models.first(where: { $0.name == resolved }) { return Choice(served: model) }
        let names = models.map(\.name).joined(separator: ", ")
        switch unknown {
        case .default:
            return Choice(
                served: standard,
                warning:
                    "The model \"\(name.prefix(200))\" is not served here; \(standard.name) answered. Served: \(names)."
            )
        case .refuse:
            throw WireError(
                .notFound, .notFound, code: "model_not_found",
                "The model \"\(name.prefix(200))\" is not served here. Served are \(names). Ask for one of these.",
                field: "model")
        }
    }
}
