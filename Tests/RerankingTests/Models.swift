import Inference
import Ranking
import Reranking
import TestSupport

/// Rerankers over the tiny models of Tests/Fixtures.
enum Models {
    /// One label, logits as scores, a window of 512 tokens.
    static func plain() throws -> Reranker { try load("bert-cross-encoder") }

    /// In single precision, so that what a test expects holds on every CPU.
    static func load(_ family: String) throws -> Reranker {
        try Reranker.load(directory: Repository.model(family), precision: .fp32)
    }

    /// Each is one token of the fixtures' vocabulary.
    static let words = [
        "harbour", "council", "bridge", "memory", "city", "mountain", "river", "orchestra", "search", "village",
        "carpenter", "teacher", "satellite", "solar", "furniture", "tree", "vegetables", "programmer", "historian",
        "compiler", "temperature", "water", "budget", "lighthouse", "database", "election", "astronomer",
    ]

    /// `count` tokens.
    static func text(_ count: Int, _ random: inout SeededGenerator) -> String {
        (0..<count).map { _ in random.pick(words) }.joined(separator: " ")
    }

    /// A text with everything in it that tokenizers and offsets trip over.
    static func wildText(_ count: Int, _ random: inout SeededGenerator) -> String {
        let oddities = [
            "🙂", "e\u{301}le\u{300}ve", "\u{E9}t\u{E9}", "東京", "[SEP]", "\u{200D}", "a.", "b!", "\n", "xq7", "👩‍👩‍👧‍👦",
            "n\u{303}",
        ]
        return (0..<count).map { _ in random.oneIn(3) ? random.pick(oddities) : random.pick(words) }.joined(
            separator: " ")
    }
}
