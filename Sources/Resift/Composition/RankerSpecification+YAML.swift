import OrderedJSON
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
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw RankingError(
                .invalidInput, what: "\(path) is not YAML.", why: "\(error)", fix: "Correct it at that place.",
                cause: error)
        }
        guard let node else {
            throw RankingError(
                .invalidInput, what: "\(path) is empty.", why: "It has to say which reranker ranks.",
                fix: "Write \"reranker: default\", or a cascade or an ensemble.")
        }
        var reader = SpecificationReader(path: path)
        self = try reader.ranker(node, depth: 0)
    }
}

/// Walks the nodes of a file, with errors that name the line.
private struct SpecificationReader {
    let path: String
    private var rankers = 0

    /// An alias in YAML could stand for more rankers than anyone meant.
    private static let maxRankers = 64
    private static let maxDepth = 8

    init(path: String) { self.path = path }

    mutating func ranker(
        _ node: Node, depth: Int, besides own: Set<String> = []
    ) throws(RankingError) -> RankerSpecification {
        rankers += 1
        guard depth < SpecificationReader.maxDepth, rankers <= SpecificationReader.maxRankers else {
            throw error(
                node, "Here is ranker \(rankers), \(depth) deep inside others.",
                fix: "Use at most \(SpecificationReader.maxRankers), \(SpecificationReader.maxDepth) deep.")
        }
        if case .scalar(let scalar) = node { return RankerSpecification(name: try text(scalar.string, node)) }
        let fields = try mapping(node)
        try check(
            fields, node,
            known: own.union([
                "reranker", "cascade", "ensemble", "rank-constant", "boost", "on-failure", "timeout", "key-file",
                "attempts", "price",
            ]))
        var ranker = RankerSpecification(try kind(fields, node, depth: depth))
        if let policy = fields["on-failure"] {
            if case .scalar(let scalar) = policy {
                ranker.onFailure = RankerSpecification.OnFailure(try text(scalar.string, policy))
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
            throw error(
                node, named.isEmpty ? "A ranker is not named." : "A ranker has \(named.joined(separator: " and ")).",
                fix: "Give it one of reranker, cascade and ensemble.")
        }
        for (key, owner) in [
            ("rank-constant", "ensemble"), ("timeout", "reranker"), ("key-file", "reranker"), ("attempts", "reranker"),
            ("price", "reranker"),
        ] where fields[owner] == nil {
            if let misplaced = fields[key] {
                throw error(misplaced, "\"\(key)\" is about a \(owner).", fix: "Write it beside \"\(owner)\".")
            }
        }
        if let members = fields["ensemble"] {
            var read: [RankerSpecification.EnsembleMember] = []
            for member in try sequence(members) {
                let weight = try self.fields(of: member)["weight"].map { node throws(RankingError) in
                    try number(node, "weight", atLeast: 0)
                }
                read.append(
                    .init(ranker: try ranker(member, depth: depth + 1, besides: ["weight"]), weight: weight ?? 1))
            }
            let constant = try fields["rank-constant"].map { node throws(RankingError) in
                try number(node, "rank-constant", atLeast: 0)
            }
            return .ensemble(read, rankConstant: constant ?? 60)
        }
        if let stages = fields["cascade"] {
            var read: [RankerSpecification.CascadeStage] = []
            for stage in try sequence(stages) {
                let keep = try self.fields(of: stage)["keep"].map { node throws(RankingError) in
                    try count(node, "keep")
                }
                read.append(.init(ranker: try ranker(stage, depth: depth + 1, besides: ["keep"]), keep: keep))
            }
            return .cascade(read)
        }
        guard let name = fields["reranker"], case .scalar(let scalar) = name else {
            throw error(node, "\"reranker\" is no name.", fix: "Write \"reranker: default\".")
        }
        return .named(try text(scalar.string, name), try choices(fields))
    }

    private func choices(_ fields: [String: Node]) throws(RankingError) -> RankerSpecification.ServiceChoices {
        var choices = RankerSpecification.ServiceChoices()
        if let node = fields["timeout"] { choices.timeout = try duration(node, "timeout") }
        if let node = fields["key-file"] { choices.keyFile = try text(node, "key-file") }
        if let node = fields["attempts"] { choices.attempts = try count(node, "attempts") }
        if let node = fields["price"] {
            let prices = try mapping(node)
            try check(
                prices, node,
                known: ["per-search-unit", "per-million-input-tokens", "per-million-output-tokens"])
            func price(_ key: String) throws(RankingError) -> Double? {
                guard let node = prices[key] else { return nil }
                return try number(node, key, atLeast: 0)
            }
            choices.price = ServicePrice(
                perSearchUnit: try price("per-search-unit"),
                perMillionInputTokens: try price("per-million-input-tokens"),
                perMillionOutputTokens: try price("per-million-output-tokens"))
        }
        return choices
    }

    private func read(_ boost: Node, into ranker: inout RankerSpecification) throws(RankingError) {
        let fields = try mapping(boost)
        try check(fields, boost, known: ["keywords", "recency"])
        if let keywords = fields["keywords"] {
            guard case .mapping(let mapping) = keywords else {
                throw error(keywords, "\"keywords\" are no terms with weights.", fix: "Write {TERM: 1.5, ...}.")
            }
            for (key, value) in mapping {
                guard case .scalar(let term) = key else {
                    throw error(key, "A keyword is no text.", fix: "Write TERM: WEIGHT.")
                }
                ranker.keywords.append(.init(term.string, weight: try number(value, term.string, atLeast: -.infinity)))
            }
        }
        guard let recency = fields["recency"] else { return }
        let parts = try mapping(recency)
        try check(parts, recency, known: ["field", "half-life", "weight"])
        guard let field = parts["field"], let halfLife = parts["half-life"] else {
            throw error(
                recency, "A recency decay lacks its field or its half-life.",
                fix: "Write {field: created_at, half-life: 30d, weight: 1}.")
        }
        let weight = try parts["weight"].map { node throws(RankingError) in
            try number(node, "weight", atLeast: -.infinity)
        }
        ranker.recency = .init(
            field: try text(field, "field"), halfLife: try duration(halfLife, "half-life"), weight: weight ?? 1)
    }

    // MARK: Values

    private func check(_ fields: [String: Node], _ node: Node, known: Set<String>) throws(RankingError) {
        guard let stray = fields.keys.sorted().first(where: { !known.contains($0) }) else { return }
        throw error(
            fields[stray] ?? node, "\"\(stray)\" means nothing here.",
            fix: "Known are \(known.sorted().joined(separator: ", ")).")
    }

    private func fields(of node: Node) throws(RankingError) -> [String: Node] {
        if case .scalar = node { return [:] }
        return try mapping(node)
    }

    private func mapping(_ node: Node) throws(RankingError) -> [String: Node] {
        guard case .mapping(let mapping) = node else {
            throw error(node, "Here stands no \"key: value\".", fix: "Write \"reranker: NAME\", or what belongs there.")
        }
        var fields: [String: Node] = [:]
        for (key, value) in mapping {
            guard case .scalar(let name) = key, fields.updateValue(value, forKey: name.string) == nil else {
                throw error(key, "A key is no text, or stands twice.", fix: "Write each key once.")
            }
        }
        return fields
    }

    private func sequence(_ node: Node) throws(RankingError) -> [Node] {
        guard case .sequence(let sequence) = node, !sequence.isEmpty else {
            throw error(node, "Here stands no list of rankers.", fix: "Write one a line: \"- reranker: NAME\".")
        }
        return Array(sequence)
    }

    private func text(_ node: Node, _ key: String) throws(RankingError) -> String {
        guard case .scalar(let scalar) = node else {
            throw error(node, "\"\(key)\" is no text.", fix: "Write \"\(key): TEXT\".")
        }
        return try text(scalar.string, node)
    }

    private func text(_ text: String, _ node: Node) throws(RankingError) -> String {
        guard !text.isEmpty else { throw error(node, "A name is empty.", fix: "Write \"default\", or another name.") }
        return text
    }

    private func number(_ node: Node, _ key: String, atLeast least: Double) throws(RankingError) -> Double {
        guard case .scalar(let scalar) = node, let number = Double(scalar.string), number.isFinite, number >= least
        else {
            throw error(
                node, "\"\(key)\" is no number\(least == 0 ? " from 0" : "").", fix: "Write one, such as 1.5.")
        }
        return number
    }

    private func count(_ node: Node, _ key: String) throws(RankingError) -> Int {
        guard case .scalar(let scalar) = node, let count = Int(scalar.string), count >= 1 else {
            throw error(node, "\"\(key)\" is no number from 1.", fix: "Write one, such as 20.")
        }
        return count
    }

    private func duration(_ node: Node, _ key: String) throws(RankingError) -> Duration {
        guard case .scalar(let scalar) = node, let duration = Duration(written: scalar.string) else {
            throw error(node, "\"\(key)\" is no time.", fix: "Write 250ms, 5s, 12h or 30d.")
        }
        return duration
    }

    private func error(_ node: Node, _ problem: String, fix: String) -> RankingError {
        let line = node.mark.map { " in line \($0.line)" } ?? ""
        return RankingError(
            .invalidInput, what: "\(path) cannot be used\(line).", why: problem, fix: fix)
    }
}

extension Duration {
    /// A time such as 150ms, 2s, 15m, 12h or 30d, above 0 and at most 1,000 years.
    package init?(written text: String) {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        guard let (unit, seconds) = units.first(where: { text.hasSuffix($0.0) }),
            let value = Double(text.dropLast(unit.count)), value > 0, value * seconds <= 86_400 * 366_000
        else { return nil }
        self = .seconds(value * seconds)
    }
}
