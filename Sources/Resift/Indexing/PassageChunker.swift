import Ranking
import Reranking
import Tokenizers

/// Splits the texts of documents into passages that a model can read whole.
struct PassageChunker: Sendable {
    private let tokenizer: Tokenizer
    private let passageTokens: Int
    private let overlapTokens: Int

    init(tokenizer: Tokenizer, passageTokens: Int, overlapTokens: Int) {
        self.tokenizer = tokenizer
        self.passageTokens = passageTokens
        self.overlapTokens = overlapTokens
    }

    /// Where the passages are, as UTF-8 offsets in the text: cut at sentence ends where there are any, of at most
    /// `passageTokens` tokens, those of the title counted in each. Together they hold every token of the text.
    func passages(of text: String, title: String) -> [Range<Int>] {
        let whole = 0..<text.utf8.count
        // Every token stands for at least one byte of the text.
        if text.utf8.count + title.utf8.count < passageTokens { return [whole] }
        let titleTokens = title.isEmpty ? 0 : tokenizer.encode(title).count
        let tokenized = tokenizer.encodeWithOffsets(text)
        if tokenized.tokenIDs.count + titleTokens <= passageTokens { return [whole] }
        // A title that fills the passage leaves room for half of one still.
        let window = max(passageTokens - titleTokens, passageTokens / 2)
        let ranges = PassageSplitter(window: window, overlap: overlapTokens).ranges(of: tokenized)
        guard ranges.count > 1 else { return [whole] }
        return ranges.map { tokens in
            let first = tokenized.ranges[tokens.lowerBound].lowerBound
            return first..<max(first, tokenized.ranges[tokens.upperBound - 1].upperBound)
        }
    }
}
