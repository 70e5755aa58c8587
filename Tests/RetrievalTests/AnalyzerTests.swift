import OrderedJSON
import Ranking
import Testing

@testable import Retrieval

@Suite("Analysis")
struct AnalyzerTests {
    static func words(_ text: String) -> [String] {
        var text = text
        return text.withUTF8 { bytes in
            UnicodeWords.dense.withUnsafeBufferPointer { classes in
                var breaker = WordBreaker(bytes, classes: classes)
                var words: [String] = []
                while let word = breaker.next() {
                    words.append(String(decoding: bytes[word.start..<word.end], as: UTF8.self))
                }
                return words
            }
        }
    }

    func terms(_ text: String, _ analyzer: Analyzer = .english) -> [String] { analyzer.terms(of: text).map(\.text) }

    @Test("words are those between the boundaries that the regex module finds, in 2,000 random texts")
    func wordBreaks() throws {
        guard case .array(let cases)? = try Golden.json("word-breaks.json")["cases"] else {
            throw Golden.Unreadable(path: "cases")
        }
        #expect(cases.count == 2000)
        for item in cases {
            guard case .object(let object) = item, let text = object["text"]?.text,
                case .array(let words)? = object["words"]
            else { throw Golden.Unreadable(path: "case") }
            let found = AnalyzerTests.words(text)
            // Scalars: strings would compare by canonical equivalence.
            #expect(
                found.map { Array($0.unicodeScalars) } == words.map { Array(($0.text ?? "").unicodeScalars) },
                "\(text.debugDescription): \(found)")
        }
    }

    @Test(
        "words as Lucene has them",
        arguments: [
            ("foo_bar _x_ ___ a_1", ["foo_bar", "_x_", "a_1"]),
            ("U.S.A. 3.14 1,000 a.b,c 1;2", ["U.S.A", "3.14", "1,000", "a.b", "c", "1;2"]),
            ("O'Neill's don't 'quoted'", ["O'Neill's", "don't", "quoted"]),
            ("e-mail me@example.com http://a.b/c", ["e", "mail", "me", "example.com", "http", "a.b", "c"]),
            ("C++ C# .NET", ["C", "C", "NET"]),
            ("我是中国人", ["我", "是", "中", "国", "人"]),
            ("ひらがな カタカナ 한국어", ["ひ", "ら", "が", "な", "カタカナ", "한국어"]),
            ("การที่ได้ต้อง abc", ["การที่ได้ต้อง", "abc"]),
            ("ש\"ע ב'", ["ש\"ע", "ב'"]),
            ("😀👍🏽 👩‍💻 🇩🇪🇫🇷 #️⃣ #", ["😀", "👍🏽", "👩‍💻", "🇩🇪", "🇫🇷", "#️⃣"]),
            ("", []), (" .,;-\n", []),
        ])
    func luceneWords(text: String, expected: [String]) {
        #expect(AnalyzerTests.words(text) == expected)
    }

    @Test("a word of more than 255 UTF-16 units is cut into words of 255")
    func longWords() {
        let ascii = String(repeating: "a", count: 256)
        #expect(AnalyzerTests.words(ascii).map(\.utf8.count) == [255, 1])
        #expect(AnalyzerTests.words(String(repeating: "x", count: 1000)).map(\.utf8.count) == [255, 255, 255, 235])
        #expect(AnalyzerTests.words(String(repeating: "é", count: 300)).map(\.utf16.count) == [255, 45])
        // 127 letters of two units each are 254 units; the next does not fit.
        #expect(AnalyzerTests.words(String(repeating: "𝒳", count: 130)).map(\.utf16.count) == [254, 6])
        // The mark after the 254th letter would need the 256th unit.
        #expect(AnalyzerTests.words(String(repeating: "a", count: 254) + "'b").map(\.utf8.count) == [254, 1])
        for text in [
            "漢" + String(repeating: "\u{301}", count: 5000), String(repeating: "Ⱥ", count: 5000), ascii + "'s",
        ] {
            for analyzer in Analyzer.all { _ = analyzer.terms(of: text) }
        }
    }

    @Test(
        "English: possessives, stop words and stems",
        arguments: [
            ("The dogs' owners and the dog's owner", ["dog", "owner", "dog", "owner"]),
            ("O\u{2019}Neill\u{2019}s CAT\u{ff07}S it's", ["o\u{2019}neil", "cat"]),
            ("not such a thing is in there", ["thing"]),
            ("To be or not to be", []),
            ("Will's will", []),
            (
                "0-dimensional biomaterials lack inductive properties.",
                ["0", "dimension", "biomateri", "lack", "induct", "properti"]
            ),
            ("the The THE thé", ["thé"]),
            ("ÉTUDES naïvely", ["étude", "naïv"]),
            // Three bytes of UTF-8 are one consonant: the doubled letter is removed as a letter.
            ("aééed és", ["aé", "és"]),
        ])
    func english(text: String, expected: [String]) {
        #expect(terms(text) == expected)
    }

    @Test("every stop word is dropped, whatever its case, and nothing else")
    func stopWords() {
        #expect(EnglishWords.stopWords.count == 33)
        for word in EnglishWords.stopWords {
            #expect(terms(word).isEmpty)
            #expect(terms(word.uppercased()).isEmpty)
            #expect(terms(word + "q").count == 1)
            #expect(terms(word, .unicode) == [word])
        }
    }

    @Test(
        "Unicode: words in lowercase, by single code points",
        arguments: [
            ("Straße ÀÉÎ Жизнь ΣΟΦΟΣ", ["straße", "àéî", "жизнь", "σοφοσ"]),
            ("İstanbul Ⱥx The's", ["istanbul", "ⱥx", "the's"]),
            ("中文 Text", ["中", "文", "text"]),
        ])
    func unicode(text: String, expected: [String]) {
        #expect(terms(text, .unicode) == expected)
    }

    @Test(
        "CJK: pairs of characters, and single characters that stand alone",
        arguments: [
            ("東京都に", ["東京", "京都", "都に"]),
            ("我 们", ["我", "们"]),
            ("カタカナabc 한국어", ["カタ", "タカ", "カナ", "abc", "한국", "국어"]),
            // Letters and Hangul without a space between them are one word in Lucene, too.
            ("CPU가", ["cpu가"]),
            ("多くの学生が試験に落ちた。", ["多く", "くの", "の学", "学生", "生が", "が試", "試験", "験に", "に落", "落ち", "ちた"]),
            ("Swift 6 で書く", ["swift", "6", "で書", "書く"]),
            ("กขค漢字", ["กข", "ขค", "漢字"]),
            ("字 😀", ["字", "😀"]),
            ("", []),
        ])
    func cjk(text: String, expected: [String]) {
        #expect(terms(text, .cjkBigram) == expected)
    }

    @Test("ranges are UTF-8 offsets of the word in the text")
    func ranges() {
        #expect(
            Analyzer.english.terms(of: "é The dog's") == [
                Term(text: "é", utf8Range: 0..<2), Term(text: "dog", utf8Range: 7..<12),
            ])
        #expect(Analyzer.cjkBigram.terms(of: "東京都").map(\.utf8Range) == [0..<6, 3..<9])
    }

    @Test("an analyzer is found by its name; an unknown name is refused with the valid ones")
    func names() throws {
        #expect(Analyzer.all.map(\.name) == ["english", "unicode", "cjk-bigram"])
        for analyzer in Analyzer.all { #expect(try Analyzer.named(analyzer.name) == analyzer) }
        let error = #expect(throws: RankingError.self) { try Analyzer.named("klingon") }
        #expect(error?.code == .invalidInput)
        #expect(error?.why == "Resift has the analyzers english, unicode, cjk-bigram.")
    }

    @Test("random code points never break the analyzers, and ranges ascend within the text", arguments: 0..<10)
    func randomText(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var text = ""
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let limit: UInt32 = [0x80, 0x600, 0x3100, 0x20000, 0x110000].randomElement(using: &random) ?? 0x80
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random)) {
                    text.unicodeScalars.append(scalar)
                }
            }
            for analyzer in Analyzer.all {
                var start = 0
                for term in analyzer.terms(of: text) {
                    #expect(!term.text.isEmpty && term.utf8Range.lowerBound >= start)
                    #expect(term.utf8Range.upperBound <= text.utf8.count)
                    start = term.utf8Range.lowerBound + 1
                }
            }
        }
    }
}
