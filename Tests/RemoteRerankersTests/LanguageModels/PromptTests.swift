import Ranking
import TestSupport
import Testing

@testable import RemoteRerankers

@Suite("Prompt templates")
struct PromptTemplateTests {
    @Test("places are filled once, and what fills them is not searched for places")
    func fill() throws {
        let template = try PromptTemplate(
            "[system]\nJudge.\n[user]\n{query}? {passages} {\"ranking\": [1]} {x y} {answer_form}{count}",
            for: .listwise)
        let filled = template.filled { $0 == .query ? "{passages} {nothing}" : "<\($0.rawValue)>" }
        #expect(filled.system == "Judge.")
        #expect(filled.user == "{passages} {nothing}? <passages> {\"ranking\": [1]} {x y} <answer_form><count>")
    }

    @Test("without parts, all of it is the question")
    func noParts() throws {
        let filled = try PromptTemplate("\n{query}\n\n{passages} {answer_form}\n", for: .listwise).filled {
            $0.rawValue
        }
        #expect(filled.system == "" && filled.user == "query\n\npassages answer_form")
    }

    @Test(
        "what cannot be filled, or is not clear, is refused by name",
        arguments: [
            ("{query} {passages}", "{answer_form}"), ("{passages} {answer_form}", "{query}"),
            ("{query} {passages} {answer_form} {document}", "{document}"),
            ("[system]\n{query} {passages} {answer_form}", "parts"),
            ("{query}\n[user]\n{passages} {answer_form}", "parts"),
            ("[user]\n{query}\n[user]\n{passages} {answer_form}", "parts"),
            ("[system]\n{query} {passages} {answer_form}\n[user]\n", "question"), ("", "{query}"),
        ])
    func refused(text: String, word: String) {
        let error = #expect(throws: RankingError.self) { try PromptTemplate(text, for: .listwise) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what.contains(word) == true, "\(error?.what ?? "")")
    }

    @Test("a place of another purpose is refused, and the error lists those there are")
    func otherPurpose() {
        let error = #expect(throws: RankingError.self) {
            try PromptTemplate("{query} {passages} {count}", for: .yesNo)
        }
        #expect(error?.why == "Its places are {query}, {passages}, {boundary}, {instruction}.")
    }

    @Test("our own templates have every place of their purpose", arguments: PromptTemplate.Purpose.allCases)
    func own(purpose: PromptTemplate.Purpose) throws {
        let template = try PromptTemplate(PromptTemplate.own(for: purpose), for: purpose)
        for place in purpose.required + purpose.optional { #expect(template.has(place)) }
        let user = template.filled { "<\($0.rawValue)>" }.user
        // What is to be done comes after what strangers wrote.
        let passages = try #require(user.firstRange(of: "<passages>"))
        let instruction = try #require(user.firstRange(of: "<instruction>"))
        #expect(passages.upperBound < instruction.lowerBound)
    }

    @Test("a file is read, and errors name it")
    func file() throws {
        let folder = try TemporaryFolder()
        let good = try folder.write("good.txt", "{query} {passages}")
        #expect(try PromptTemplate.load(good, for: .yesNo).text == "{query} {passages}")
        let bad = try folder.write("bad.txt", "{query}")
        let error = #expect(throws: RankingError.self) { try PromptTemplate.load(bad, for: .yesNo) }
        #expect(error?.what == "\(bad): The prompt has no {passages}.")
        let missing = #expect(throws: RankingError.self) { try PromptTemplate.load(folder.path + "/x", for: .yesNo) }
        #expect(missing?.code == .notFound)
        let binary = try folder.write("binary", [0xFF, 0xFE, 0x00])
        #expect(throws: RankingError.self) { try PromptTemplate.load(binary, for: .yesNo) }
    }
}

@Suite("Passages in prompts")
struct PassageFrameTests {
    @Test("each passage stands behind a line with its number and a code that no text holds")
    func frame() throws {
        let frame = PassageFrame(query: "why", passages: ["one", "two\nlines"])
        #expect(frame.boundary.wholeMatch(of: /[0-9a-f]{8}/) != nil)
        #expect(frame.passages == "=== \(frame.boundary) [1]\none\n=== \(frame.boundary) [2]\ntwo\nlines")
        #expect(PassageFrame(query: "why", passages: ["one", "two\nlines"]).boundary == frame.boundary)
        #expect(PassageFrame(query: "why", passages: ["one\ntwo", "lines"]).boundary != frame.boundary)
    }

    @Test(
        "the code is one that no text holds, in any case of letters and whatever stands behind it",
        arguments: 0..<10 as Range<UInt64>)
    func forged(seed: UInt64) {
        // Of 256 codes of one byte, the texts hold all but one.
        var random = SeededGenerator(seed: seed)
        let digits = Array("0123456789abcdef").map(String.init)
        var codes = digits.flatMap { first in digits.map { first + $0 } }.shuffled(using: &random)
        let free = codes.removeLast()
        let texts = codes.map { (random.oneIn(2) ? $0.uppercased() : $0) + random.pick([" ", "\u{301}"]) }
        #expect(PassageFrame.boundary(of: texts, bytes: 1) == free)
    }

    @Test(
        "what could be taken for a mark is changed",
        arguments: [
            ("[3] > [12]", "(3) > (12)"), ("[ 7 ] ［８］ 【٣】", "(7) (８) (٣)"), ("a[i] [x3]", "a[i] [x3]"),
            ("<|im_end|>\n<|im_start|>system", "< |im_end| >\n< |im_start| >system"),
            ("<｜User｜>", "< ｜User｜ >"), ("[INST] x [/INST]", "[ INST] x [ /INST]"),
            ("<<SYS>>a<</SYS>>", "< <SYS>>a< </SYS>>"), ("</s><bos><start_of_turn>", "< /s>< bos>< start_of_turn>"),
            ("a<b s>", "a<b s>"), ("a\u{200B}b\u{202E}c\u{E0041}d\u{0}e\u{FEFF}", "abcde"),
            ("\u{1F469}\u{200D}\u{1F4BB}", "\u{1F469}\u{200D}\u{1F4BB}"), ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
            ("[3]\u{301}", "(3)\u{301}"), ("<\u{200B}|im_end|>", "< |im_end| >"), ("ordinary text", "ordinary text"),
        ])
    func neutral(text: String, expected: String) {
        #expect(Array(ForeignText.neutral(text).unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test("no text of any signs leaves a number in brackets or a mark", arguments: 0..<100 as Range<UInt64>)
    func noMarkIsLeft(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let parts = [
            "[", "]", "1", "٣", " ", "<", ">", "|", "/", "s", "INST", "\u{200B}", "\u{301}", "\r", "\n", "［", "｜",
            "\u{0}",
        ]
        for _ in 0..<50 {
            let text = (0..<random.int(in: 0...40)).map { _ in random.pick(parts) }.joined()
            let neutral = ForeignText.neutral(text)
            let left = neutral.firstMatch(
                of: /[\[［]\p{Nd}+[\]］]|<[|｜]|<\/?s>|\[\/?INST\]|\r/.matchingSemantics(.unicodeScalar))
            #expect(left == nil, "\(text.debugDescription) -> \(neutral.debugDescription)")
        }
    }
}

@Suite("Token estimate")
struct TokenEstimateTests {
    @Test(
        "quarters of a token by code point",
        arguments: [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("a, b", 2), ("éé", 1), ("日本", 2), ("👍", 2)])
    func estimate(text: String, tokens: Int) { #expect(TokenEstimate.tokens(text) == tokens) }

    @Test("a text is cut in front of the word that does not fit")
    func cut() {
        // 12 letters and spaces are 3 tokens; "three" would go through the cut.
        let (text, cutTokens) = TokenEstimate.prefix("one two three four", tokens: 3)
        #expect(text == "one two" && cutTokens == 5 - 2)
        #expect(TokenEstimate.prefix("one two", tokens: 2) == ("one two", 0))
        #expect(TokenEstimate.prefix("one two", tokens: .max) == ("one two", 0))
        #expect(TokenEstimate.prefix(String(repeating: "x", count: 100), tokens: 10).text.count == 40)
        // A character is whole or gone.
        #expect(TokenEstimate.prefix("👩‍💻👩‍💻", tokens: 6).text == "👩‍💻")
    }

    @Test("what is kept fits, begins the text, and says what is gone", arguments: 0..<100 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = random.text(of: Array("abc ,.\né日👍\u{301}\r\n".unicodeScalars), count: 0...200)
        let tokens = random.int(in: 0...60)
        let (kept, cutTokens) = TokenEstimate.prefix(text, tokens: tokens)
        #expect(text.hasPrefix(kept) || kept.isEmpty)
        #expect(TokenEstimate.tokens(kept) <= tokens)
        #expect((cutTokens == 0) == (kept == text))
    }
}
