/// Where a score comes from: a value, what it is, and the values it is computed from.
public struct ScoreExplanation: Sendable, Hashable, CustomStringConvertible {
    public var value: Double
    public var summary: String
    /// How `value` follows from the children.
    public var operation: Operation
    public var children: [ScoreExplanation]

    public enum Operation: String, Sendable {
        /// Given, or computed by the formula in `summary`.
        case formula
        case sum
        case product
    }

    public init(
        _ value: Double, _ summary: String, _ operation: Operation = .formula, children: [ScoreExplanation] = []
    ) {
        self.value = value
        self.summary = summary
        self.operation = operation
        self.children = children
    }

    /// One line a value, children indented by two spaces.
    public var description: String { lines(indent: "").joined(separator: "\n") }

    private func lines(indent: String) -> [String] {
        ["\(indent)\(value) \(summary)"] + children.flatMap { $0.lines(indent: indent + "  ") }
    }
}

extension BM25 {
    /// A term of a query, as one document has it.
    public struct TermMatch: Sendable, Hashable {
        public var term: String
        /// How often the query has the term.
        public var weight: Double
        /// How often the document has it.
        public var frequency: Int
        /// How many documents have it.
        public var documentFrequency: Int

        public init(term: String, weight: Double, frequency: Int, documentFrequency: Int) {
            self.term = term
            self.weight = weight
            self.frequency = frequency
            self.documentFrequency = documentFrequency
        }
    }

    /// The tree behind a document's score: the sum over the query's terms of `weight · idf · saturation`.
    ///
    /// The root's value is exactly the score that a search gives. Each term's value is rounded to a multiple of 2⁻³²,
    /// so that the product of its children is within 2⁻³² of it.
    public func explain(_ matches: [TermMatch], length: Int, collection: CollectionStatistics) -> ScoreExplanation {
        let terms = matches.map { match in
            let value = score(
                weight: match.weight, frequency: match.frequency, length: length,
                documentFrequency: match.documentFrequency, collection: collection)
            return ScoreExplanation(
                value, "\"\(match.term)\", \(match.frequency) times in the document: weight * idf * saturation",
                .product,
                children: [
                    ScoreExplanation(match.weight, "weight, how often the query has the term"),
                    ScoreExplanation(
                        inverseDocumentFrequency(
                            documentFrequency: match.documentFrequency, documentCount: collection.documentCount),
                        "idf, \(variant.idfFormula), df = \(match.documentFrequency), N = \(collection.documentCount)"),
                    saturation(match, length: length, collection: collection),
                ])
        }
        return ScoreExplanation(
            terms.reduce(0) { $0 + $1.value }, "BM25 (\(variant.rawValue)), sum over the terms of the query", .sum,
            children: terms)
    }

    private func saturation(_ match: TermMatch, length: Int, collection: CollectionStatistics) -> ScoreExplanation {
        let average = collection.averageLength
        let norm = 1 - b + b * encodedLength(length) / average
        let tf = Double(match.frequency)
        var inputs = [
            ScoreExplanation(tf, "tf, how often the document has the term"), ScoreExplanation(k1, "k1"),
            ScoreExplanation(
                norm, "norm, 1 - b + b * dl / avgdl",
                children: [
                    ScoreExplanation(b, "b"),
                    ScoreExplanation(
                        encodedLength(length),
                        lengths == .exact ? "dl, terms in the document" : "dl, \(length) terms in Lucene's one byte"),
                    ScoreExplanation(average, "avgdl, mean terms in a document"),
                ]),
        ]
        if variant.defaultDelta > 0 { inputs.append(ScoreExplanation(delta, "delta")) }
        let value: Double
        switch variant {
        case _ where tf == 0: value = 0
        case .lucene, .robertson: value = tf / (tf + k1 * norm)
        case .atire: value = (k1 + 1) * tf / (tf + k1 * norm)
        case .bm25l where norm == 0: value = k1 + 1
        case .bm25l: value = (k1 + 1) * (tf / norm + delta) / (k1 + tf / norm + delta)
        case .bm25Plus: value = delta + (k1 + 1) * tf / (tf + k1 * norm)
        }
        return ScoreExplanation(value, "saturation, \(variant.saturationFormula)", children: inputs)
    }
}

extension BM25.Variant {
    fileprivate var idfFormula: String {
        switch self {
        case .lucene: "ln(1 + (N - df + 0.5) / (df + 0.5))"
        case .robertson: "max(0, ln((N - df + 0.5) / (df + 0.5)))"
        case .atire: "ln(N / df)"
        case .bm25l: "ln((N + 1) / (df + 0.5))"
        case .bm25Plus: "ln((N + 1) / df)"
        }
    }

    fileprivate var saturationFormula: String {
        switch self {
        case .lucene, .robertson: "tf / (tf + k1 * norm)"
        case .atire: "(k1 + 1) * tf / (tf + k1 * norm)"
        case .bm25l: "(k1 + 1) * (tf / norm + delta) / (k1 + tf / norm + delta)"
        case .bm25Plus: "delta + (k1 + 1) * tf / (tf + k1 * norm)"
        }
    }
}
