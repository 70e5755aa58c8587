import OrderedJSON
import Testing

@testable import Retrieval

@Suite("The Porter stemmer")
struct PorterStemmerTests {
    static func stem(_ word: String) -> String {
        var units = Array(word.utf8)
        let count = units.withUnsafeMutableBufferPointer { PorterStemmer.stem($0.baseAddress!, count: $0.count) }
        return String(decoding: units[..<count], as: UTF8.self)
    }

    @Test(
        "stems the paper's own examples, all five steps run",
        arguments: [
            // Step 1a
            ("caresses", "caress"), ("ponies", "poni"), ("ties", "ti"), ("caress", "caress"), ("cats", "cat"),
            // Step 1b
            ("feed", "feed"), ("agreed", "agre"), ("plastered", "plaster"), ("bled", "bled"), ("motoring", "motor"),
            ("sing", "sing"), ("conflated", "conflat"), ("troubled", "troubl"), ("sized", "size"), ("hopping", "hop"),
            ("tanned", "tan"), ("falling", "fall"), ("hissing", "hiss"), ("fizzed", "fizz"), ("failing", "fail"),
            ("filing", "file"),
            // Step 1c
            ("happy", "happi"), ("sky", "sky"),
            // Step 2
            ("relational", "relat"), ("conditional", "condit"), ("rational", "ration"), ("valenci", "valenc"),
            ("hesitanci", "hesit"), ("digitizer", "digit"), ("conformabli", "conform"), ("radicalli", "radic"),
            ("differentli", "differ"), ("vileli", "vile"), ("analogousli", "analog"), ("vietnamization", "vietnam"),
            ("predication", "predic"), ("operator", "oper"), ("feudalism", "feudal"), ("decisiveness", "decis"),
            ("hopefulness", "hope"), ("callousness", "callous"), ("formaliti", "formal"), ("sensitiviti", "sensit"),
            ("sensibiliti", "sensibl"),
            // Step 3
            ("triplicate", "triplic"), ("formative", "form"), ("formalize", "formal"), ("electriciti", "electr"),
            ("electrical", "electr"), ("hopeful", "hope"), ("goodness", "good"),
            // Step 4
            ("revival", "reviv"), ("allowance", "allow"), ("inference", "infer"), ("airliner", "airlin"),
            ("gyroscopic", "gyroscop"), ("adjustable", "adjust"), ("defensible", "defens"), ("irritant", "irrit"),
            ("replacement", "replac"), ("adjustment", "adjust"), ("dependent", "depend"), ("adoption", "adopt"),
            ("homologou", "homolog"), ("communism", "commun"), ("activate", "activ"), ("angulariti", "angular"),
            ("homologous", "homolog"), ("effective", "effect"), ("bowdlerize", "bowdler"),
            // Step 5
            ("probate", "probat"), ("rate", "rate"), ("cease", "ceas"), ("controll", "control"), ("roll", "roll"),
            // The paper's closing examples
            ("generalizations", "gener"), ("oscillators", "oscil"),
            // Porter's later departures, and short words
            ("possibly", "possibl"), ("apologi", "apolog"), ("as", "as"), ("is", "is"), ("y", "y"),
            // y as a consonant and as a vowel
            ("toy", "toi"), ("syzygy", "syzygi"), ("saying", "sai"), ("yyyying", "yyyi"),
        ])
    func paperExamples(word: String, stem: String) {
        #expect(PorterStemmerTests.stem(word) == stem)
    }

    @Test("agrees with NLTK on 5,000 words made of stems and suffixes")
    func golden() throws {
        guard case .object(let stems)? = try Golden.json("porter.json")["stems"] else {
            throw Golden.Unreadable(path: "stems")
        }
        #expect(stems.members.count == 5000)
        for member in stems.members {
            #expect(PorterStemmerTests.stem(member.key) == member.value.text, "\(member.key)")
        }
    }

    @Test("never lengthens a word, and reads UTF-8 and UTF-16 alike", arguments: 0..<20)
    func lengthAndUnits(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let letters = Array("aeiouybcdlmnstzeingedational".utf8)
        for _ in 0..<2000 {
            let word = (0..<Int.random(in: 1...14, using: &random)).map { _ in letters.randomElement(using: &random)! }
            var bytes = word
            var units = word.map(UInt16.init)
            let count = bytes.withUnsafeMutableBufferPointer { PorterStemmer.stem($0.baseAddress!, count: $0.count) }
            let wide = units.withUnsafeMutableBufferPointer { PorterStemmer.stem($0.baseAddress!, count: $0.count) }
            #expect(count <= word.count && count > 0)
            #expect(units[..<wide].map { UInt8($0) } == Array(bytes[..<count]))
        }
    }
}
