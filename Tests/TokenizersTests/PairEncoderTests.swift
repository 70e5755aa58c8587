import Ranking
import TestSupport
import Testing
import Tokenizers

@Suite("Two texts become one sequence that fits")
struct PairEncoderTests {
    private static let bert = #"{"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}"#

    private func encoder(
        _ postProcessor: String? = bert, maxLength: Int = 100, _ truncation: TruncationStrategy = .longestFirst
    ) throws -> PairEncoder {
        var parts = TokenizerParts()
        parts.postProcessor = postProcessor
        return PairEncoder(tokenizer: try parts.load(), maxLength: maxLength, truncation: truncation)
    }

    /// `count` ids from `start`.
    private func ids(_ count: Int, from start: Int32) -> [Int32] { (0..<Int32(count)).map { start + $0 } }

    @Test("BertProcessing is [CLS] a [SEP] b [SEP], the second text and its [SEP] of type 1")
    func bertProcessing() throws {
        let pair = try encoder().encode([10, 11], [20])
        #expect(pair == EncodedPair(tokenIDs: [1, 10, 11, 2, 20, 2], typeIDs: [0, 0, 0, 0, 1, 1]))
        #expect(try encoder().encodeSingle([10]) == EncodedPair(tokenIDs: [1, 10, 2], typeIDs: [0, 0, 0]))
        #expect(try encoder().specialTokens == 3)
        #expect(try encoder().specialTokensOfSingle == 2)
    }

    @Test("an empty second text keeps its place: [CLS] a [SEP] [SEP]")
    func emptySecond() throws {
        #expect(try encoder().encode([10], []) == EncodedPair(tokenIDs: [1, 10, 2, 2], typeIDs: [0, 0, 0, 1]))
        #expect(try encoder().encode([], [20]) == EncodedPair(tokenIDs: [1, 2, 20, 2], typeIDs: [0, 0, 1, 1]))
    }

    @Test(
        "a template may put texts and special tokens in any order, with any types, and one name may stand for several ids"
    )
    func template() throws {
        let template = """
            {"type": "TemplateProcessing",
             "single": [{"Sequence": {"id": "A", "type_id": 3}}, {"SpecialToken": {"id": "end", "type_id": 4}}],
             "pair": [{"SpecialToken": {"id": "end", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
                      {"SpecialToken": {"id": "mid", "type_id": 2}}, {"Sequence": {"id": "A", "type_id": 5}}],
             "special_tokens": {"end": {"id": "end", "ids": [7, 8], "tokens": ["x", "y"]}, "mid": {"id": "mid", "ids": [9]}}}
            """
        let encoder = try encoder(template)
        #expect(encoder.specialTokens == 3)
        #expect(
            try encoder.encode([10], [20, 21])
                == EncodedPair(tokenIDs: [7, 8, 20, 21, 9, 10], typeIDs: [0, 0, 1, 1, 2, 5]))
        #expect(try encoder.encodeSingle([10]) == EncodedPair(tokenIDs: [10, 7, 8], typeIDs: [3, 4, 4]))
    }

    @Test("without a post-processor, the texts stand side by side")
    func noPostProcessor() throws {
        #expect(try encoder(nil).encode([10], [20]) == EncodedPair(tokenIDs: [10, 20], typeIDs: [0, 1]))
        #expect(try encoder(nil).specialTokens == 0)
    }

    @Test(
        "longest_first cuts the longer text, both to half where both are longer, the odd token to the longer, on a tie to the second",
        arguments: [
            // Three special tokens: a window of 10 has room for 7.
            (3, 4, 10, 3, 4), (10, 10, 10, 3, 4), (11, 10, 10, 4, 3), (10, 11, 10, 3, 4), (2, 10, 10, 2, 5),
            (10, 2, 10, 5, 2), (3, 10, 10, 3, 4), (4, 10, 10, 3, 4), (10, 4, 10, 4, 3), (10, 3, 10, 4, 3),
            (0, 10, 10, 0, 7),
            (10, 0, 10, 7, 0), (4, 4, 10, 3, 4), (5, 5, 3, 0, 0), (5, 5, 4, 0, 1), (6, 5, 4, 1, 0), (1, 1, 5, 1, 1),
        ])
    func longestFirst(first: Int, second: Int, maxLength: Int, keptFirst: Int, keptSecond: Int) throws {
        let pair = try encoder(maxLength: maxLength).encode(ids(first, from: 100), ids(second, from: 200))
        #expect(pair.tokenIDs == [1] + ids(keptFirst, from: 100) + [2] + ids(keptSecond, from: 200) + [2])
        #expect(pair.droppedFirst == first - keptFirst)
        #expect(pair.droppedSecond == second - keptSecond)
        #expect(pair.typeIDs == Array(repeating: 0, count: keptFirst + 2) + Array(repeating: 1, count: keptSecond + 1))
    }

    @Test(
        "longest_first fills the window and never cuts a text to less than half the room",
        arguments: 0..<20 as Range<UInt64>)
    func longestFirstProperty(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let (first, second, room) = (random.int(in: 0...30), random.int(in: 0...30), random.int(in: 0...40))
            let pair = try encoder(maxLength: room + 3).encode(ids(first, from: 100), ids(second, from: 200))
            let (keptFirst, keptSecond) = (first - pair.droppedFirst, second - pair.droppedSecond)
            #expect(keptFirst + keptSecond == min(room, first + second))
            if pair.droppedFirst > 0 { #expect(keptFirst >= room / 2) }
            if pair.droppedSecond > 0 { #expect(keptSecond >= room / 2) }
        }
    }

    @Test("only_second cuts the second text, and only_first the first, each down to one token")
    func onlyOne() throws {
        let second = try encoder(maxLength: 10, .onlySecond).encode(ids(6, from: 100), ids(9, from: 200))
        #expect(second.tokenIDs == [1] + ids(6, from: 100) + [2, 200, 2])
        #expect(second.droppedFirst == 0 && second.droppedSecond == 8)
        let first = try encoder(maxLength: 10, .onlyFirst).encode(ids(9, from: 100), ids(6, from: 200))
        #expect(first.tokenIDs == [1, 100, 2] + ids(6, from: 200) + [2])
        #expect(first.droppedFirst == 8 && first.droppedSecond == 0)
    }

    @Test(
        "where the one text that may be cut would lose its last token, that is an error",
        arguments: [
            // Room for 7; excess = first + second - 7.
            (TruncationStrategy.onlySecond, 7, 9, "second", 9), (.onlySecond, 8, 9, "second", 10),
            (.onlySecond, 8, 0, "second", 1),
            (.onlyFirst, 9, 7, "first", 9), (.onlyFirst, 0, 8, "first", 1),
        ])
    func tooLong(strategy: TruncationStrategy, first: Int, second: Int, which: String, excess: Int) {
        let error = #expect(throws: RankingError.self) {
            try encoder(maxLength: 10, strategy).encode(ids(first, from: 100), ids(second, from: 200))
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "The pair is \(excess) tokens too long for a window of 10.")
        #expect(error?.why.contains("Only the \(which) text may be cut (\(strategy.rawValue))") == true)
        #expect(error?.fix.contains("longest_first") == true)
    }

    @Test("a window that the special tokens alone overflow is an error", arguments: TruncationStrategy.allCases)
    func tinyWindow(strategy: TruncationStrategy) throws {
        let error = #expect(throws: RankingError.self) { try encoder(maxLength: 2, strategy).encode([10], [20]) }
        #expect(error?.code == .invalidInput)
        #expect(error?.why == "3 special tokens have to fit.")
        #expect(throws: RankingError.self) { try encoder(maxLength: 1, strategy).encodeSingle([10]) }
        #expect(try encoder(maxLength: 3, strategy).encodeSingle([10, 11]).tokenIDs == [1, 10, 2])
    }
}
