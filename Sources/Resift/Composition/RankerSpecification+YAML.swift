public import Ranking
import RemoteRerankers
import Yams

extension RankerSpecification {
    /// Reads a file of rankers.
    ///
    /// - Parameters:
    ///   - yaml: The text; JSON is YAML too.
    ///   - path: What errors call it.
    ///
    /// Throws `invalidInput`, with the line, for what is no such file.
    public init(yaml: String, path: String) throws(RankingError) {
        let nodes = NodeReader(path: path)
        let node = try nodes.root(
            of: yaml, empty: "It has to say which reranker ranks.",
            fix: "Write \"reranker: default\", or a cascade or an ensemble.")
        var reader = SpecificationReader(nodes: nodes)
        self = try reader.ranker(node, depth: 0)
    }
}

/// Walks the nodes of a file, with errors that name the line.
private struct SpecificationReader {
    let nodes: NodeReader
    private var rankers = 0

    /// An alias in YAML could stand for more rankers than anyone meant.
    private static let maxRankers = 64
    private static let maxDepth = 8

    /// What stands beside the name of a service.
    private static let serviceKeys = [
        "timeout", "key-file", "attempts", "price", "prompt", "document-tokens", "max-output-tokens", "context-tokens",
        "window", "step", "unusable-answers", "extra-fields",
    ]

    init(nodes: NodeReader) { self.nodes = nodes }

    mutating func ranker(
        _ node: Node, depth: Int, besides own: Set<String> = []
    ) throws(RankingError) -> RankerSpecification {
        rankers += 1
        guard depth < SpecificationReader.maxDepth, rankers <= SpecificationReader.maxRankers else {
            throw nodes.error(
                node, "Here is ranker \(rankers), \(depth) deep inside others.",
                fix: "Use at most \(SpecificationReader.maxRankers), \(SpecificationReader.maxDepth) deep.")
        }
        if case .scalar(let scalar) = node { return RankerSpecification(name: try nodes.text(scalar.string, node)) }
        let fields = try nodes.mapping(node)
        try nodes.check(
            fields, node,
            known: own.union(["reranker", "cascade", "ensemble", "rank-constant", "boost", "on-failure"]).union(
                SpecificationReader.serviceKeys))
        var ranker = RankerSpecification(try kind(fields, node, depth: depth))
        if let policy = fields["on-failure"] {
            if case .scalar(let scalar) = policy {
                ranker.onFailure = RankerSpecification.OnFailure(try nodes.text(scalar.string, policy))
            } else {
                ranker.onFailure = .fallBack(try self.ranker(policy, depth: depth + 1))
            }
        }
        if let boost = fields["boost"] { try read(boost, into: &ranker) }
        return ranker
    }

    private mutating func kind(
        _ fields: [String: Node], _ node: Node, depth: Int
    ) throws(RankingError) -> RankerSpecification.Kind {
        let named = ["reranker", "cascade", "ensemble"].filter { fields[$0] != nil }
        guard named.count == 1 else {
            throw nodes.error(
                node, named.isEmpty ? "A ranker is not named." : "A ranker has \(named.joined(separator: " and ")).",
                fix: "Give it one of reranker, cascade and ensemble.")
        }
        let owners = [("rank-constant", "ensemble")] + SpecificationReader.serviceKeys.map { ($0, "reranker") }
        for (key, owner) in owners where fields[owner] == nil {
            if let misplaced = fields[key] {
                throw nodes.error(misplaced, "\"\(key)\" is about a \(owner).", fix: "Write it beside \"\(owner)\".")
            }
        }
        if let members = fields["ensemble"] {
            var read: [RankerSpecification.EnsembleMember] = []
            for member in try nodes.sequence(members) {
                let weight = try nodes.fields(of: member)["weight"].map { node throws(RankingError) in
                    try nodes.number(node, "weight", atLeast: 0)
                }
                read.append(
                    .init(ranker: try ranker(member, depth: depth + 1, besides: ["weight"]), weight: weight ?? 1))
            }
            let constant = try fields["rank-constant"].map { node throws(RankingError) in
                try nodes.number(node, "rank-constant", atLeast: 0)
            }
            return .ensemble(read, rankConstant: constant ?? 60)
        }
        if let stages = fields["cascade"] {
            var read: [RankerSpecification.CascadeStage] = []
            for stage in try nodes.sequence(stages) {
                let keep = try nodes.fields(of: stage)["keep"].map { node throws(RankingError) in
                    try nodes.count(node, "keep")
                }
                read.append(.init(ranker: try ranker(stage, depth: depth + 1, besides: ["keep"]), keep: keep))
            }
            return .cascade(read)
        }
        guard let name = fields["reranker"], case .scalar(let scalar) = name else {
            throw nodes.error(node, "\"reranker\" is no name.", fix: "Write \"reranker: default\".")
        }
        return .named(try nodes.text(scalar.string, name), try choices(fields))
    }

    private func choices(_ fields: [String: Node]) throws(RankingError) -> RankerSpecification.ServiceChoices {
        var choices = RankerSpecification.ServiceChoices()
        if let node = fields["timeout"] { choices.timeout = try nodes.duration(node, "timeout") }
        if let node = fields["key-file"] { choices.keyFile = try nodes.text(node, "key-file") }
        if let node = fields["attempts"] { choices.attempts = try nodes.count(node, "attempts") }
        if let node = fields["price"] {
            if case .scalar = node {
                choices.priceFile = try nodes.text(node, "price")
            } else {
                choices.price = try nodes.price(node)
            }
        }
        choices.languageModel = try languageModel(fields)
        return choices
    }

    private func languageModel(
        _ fields: [String: Node]
    ) throws(RankingError) -> RankerSpecification.LanguageModelChoices {
        var choices = RankerSpecification.LanguageModelChoices()
        func count(_ key: String) throws(RankingError) -> Int? {
            guard let node = fields[key] else { return nil }
            return try nodes.count(node, key)
        }
        if let node = fields["prompt"] { choices.promptFile = try nodes.text(node, "prompt") }
        choices.documentTokens = try count("document-tokens")
        choices.maxOutputTokens = try count("max-output-tokens")
        choices.contextTokens = try count("context-tokens")
        choices.windowSize = try count("window")
        choices.windowStep = try count("step")
        if let node = fields["unusable-answers"] {
            switch try nodes.text(node, "unusable-answers") {
            case "fail": choices.unusableAnswers = .fail
            case "keep-order": choices.unusableAnswers = .keepOrder
            default: throw nodes.error(node, "\"unusable-answers\" is no policy.", fix: "Write fail or keep-order.")
            }
        }
        if let node = fields["extra-fields"] {
            guard case .object(let object) = try nodes.json(node) else {
                throw nodes.error(node, "\"extra-fields\" are no names with values.", fix: "Write {NAME: VALUE}.")
            }
            choices.extraFields = object
        }
        return choices
    }

    private func read(_ boost: Node, into ranker: inout RankerSpecification) throws(RankingError) {
        let fields = try nodes.mapping(boost)
        try nodes.check(fields, boost, known: ["keywords", "recency"])
        if let keywords = fields["keywords"] {
            guard case .mapping(let mapping) = keywords else {
                throw nodes.error(keywords, "\"keywords\" are no terms with weights.", fix: "Write {TERM: 1.5, ...}.")
            }
            for (key, value) in mapping {
                guard case .scalar(let term) = key else {
                    throw nodes.error(key, "A keyword is no text.", fix: "Write TERM: WEIGHT.")
                }
                ranker.keywords.append(
                    .init(term.string, weight: try nodes.number(value, term.string, atLeast: -.infinity)))
            }
        }
        guard let recency = fields["recency"] else { return }
        let parts = try nodes.mapping(recency)
        try nodes.check(parts, recency, known: ["field", "half-life", "weight"])
        guard let field = parts["field"], let halfLife = parts["half-life"] else {
            throw nodes.error(
                recency, "A recency decay lacks its field or its half-life.",
                fix: "Write {field: created_at, half-life: 30d, weight: 1}.")
        }
        let weight = try parts["weight"].map { node throws(RankingError) in
            try nodes.number(node, "weight", atLeast: -.infinity)
        }
        ranker.recency = .init(
            field: try nodes.text(field, "field"), halfLife: try nodes.duration(halfLife, "half-life"),
            weight: weight ?? 1)
    }
}
