extension Tokenizer {
    /// A number of tokens that no text of this many UTF-8 bytes exceeds, found without tokenizing it; nil where only
    /// tokenizing can tell, because the normalizer may make a text longer.
    ///
    /// For BERT's tokenizers it is the number of bytes. A token takes at least one code point of the normalized text that
    /// is not white space, and normalization makes of each code point at most as many of these as it has bytes:
    /// decomposition gives the most (a Hangul syllable of 3 bytes becomes 3 letters), and the accents it splits off are
    /// dropped where it is done at all. Code points are normalized one by one (marks are only put in order), so that what
    /// holds for each holds for all; a test tries every code point of Unicode. The spaces that are put around Chinese
    /// characters are white space.
    public func maxTokens(ofUTF8Bytes count: Int) -> Int? { isBERT ? count : nil }
}
