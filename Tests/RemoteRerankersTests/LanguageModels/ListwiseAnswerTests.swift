import Reranking
import TestSupport
import Testing

@testable import RemoteRerankers

@Suite("Answers of listwise prompts")
struct ListwiseAnswerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        /// Numbers from 1, of three or more documents.
        var order: [Int]
        var faults: Set<AnswerFault>
        var form = AnswerForm.text
        var testDescription: String { String(text.prefix(60)) }
    }

    @Test(
        "an answer is read where it leaves no doubt, and repaired as RankLLM does",
        arguments: [
            // As asked for.
            Case(text: "[3] > [1] > [2]", order: [3, 1, 2], faults: []),
            Case(text: " [3]>[1]\n> [2]\n", order: [3, 1, 2], faults: []),
            Case(text: #"{"ranking": [3, 1, 2]}"#, order: [3, 1, 2], faults: [], form: .json),
            Case(text: "\n{\"ranking\":[3.0,1,2e0]} ", order: [3, 1, 2], faults: [], form: .json),
            // Thoughts are no part of the answer.
            Case(text: "<think>[2] > [1] > [3]? No.</think>\n[3] > [1] > [2]", order: [3, 1, 2], faults: []),
            Case(text: "<thinking>{</thinking>{\"ranking\": [3, 1, 2]}", order: [3, 1, 2], faults: [], form: .json),
            // Repairs.
            Case(text: "[3] > [3] > [1] > [2] > [1]", order: [3, 1, 2], faults: [.duplicate]),
            Case(text: "[4] > [3] > [0] > [1] > [2]", order: [3, 1, 2], faults: [.outOfRange]),
            Case(text: "[3]", order: [3, 1, 2], faults: [.missing]),
            Case(text: "[2] > [3]", order: [2, 3, 1], faults: [.missing]),
            Case(
                text: #"{"ranking": [2, 2, 9]}"#, order: [2, 1, 3], faults: [.duplicate, .outOfRange, .missing],
                form: .json),
            Case(
                text: #"{"ranking": [-1, 2, 99999999999999999999999, 1.5]}"#, order: [2, 1, 3],
                faults: [.outOfRange, .missing], form: .json),
            Case(text: "[99999999999999999999999999] > [2]", order: [2, 1, 3], faults: [.outOfRange, .missing]),
            Case(text: "[-2] > [3] > [1] > [2]", order: [3, 1, 2], faults: [.outOfRange]),
            // Other forms.
            Case(text: "3 > 1 > 2", order: [3, 1, 2], faults: [.form]),
            Case(text: "[3, 1, 2]", order: [3, 1, 2], faults: [.form]),
            Case(text: "3, 1, 2", order: [3, 1, 2], faults: [.form]),
            Case(text: "3\n1\n2", order: [3, 1, 2], faults: [.form]),
            Case(text: "Passage 3 > Passage 1 > Passage 2", order: [3, 1, 2], faults: [.form]),
            Case(text: "```\n[3] > [1] > [2]\n```", order: [3, 1, 2], faults: []),
            Case(text: "```text\n[3] > [1] > [2]\n```", order: [3, 1, 2], faults: [.form]),
            Case(text: "```json\n{\"ranking\": [3, 1, 2]}\n```", order: [3, 1, 2], faults: [.form], form: .json),
            Case(
                text: "Here you are: {\"ranking\": [3, 1, 2]} I hope it helps with all 3!", order: [3, 1, 2],
                faults: [.form], form: .json),
            Case(
                text: "Of the 3 passages, [2] is short. My order is [3] > [1] > [2]. It was 1 > 2 before.",
                order: [3, 1, 2], faults: [.form]),
            Case(text: "First [1] > [2] > [3], on reflection [3] > [1] > [2]", order: [3, 1, 2], faults: [.form]),
            Case(text: "The ranking is [3, 1, 2] (from [1] to [3]).", order: [3, 1, 2], faults: [.form]),
            Case(text: "1. [3]\n2. [1]\n3. [2]", order: [3, 1, 2], faults: [.form]),
            Case(text: "**[3]** > **[1]** > **[2]**", order: [3, 1, 2], faults: []),
            Case(text: #"{"ranking": ["3", "[1]", 2]}"#, order: [3, 1, 2], faults: [.form], form: .json),
            Case(text: #"{"order": [3, 1, 2], "why": "so"}"#, order: [3, 1, 2], faults: [.form], form: .json),
            Case(text: #"{"ranking": [3, 1, 2]}"#, order: [3, 1, 2], faults: [.form]),
            Case(text: "[3] > [1] > [2]", order: [3, 1, 2], faults: [.form], form: .json),
            Case(text: #"{"ranking": [3, 1, 2"#, order: [3, 1, 2], faults: [.form], form: .json),
            Case(
                text: #"{"ranking": [null, {"a": 1}, 3]}"#, order: [3, 1, 2], faults: [.form, .missing], form: .json),
            // Digits and brackets of other scripts.
            Case(text: "［３］ ＞ ［１］ ＞ ［２］", order: [3, 1, 2], faults: []),
            Case(text: "[٣] > [١] > [٢]", order: [3, 1, 2], faults: []),
            Case(text: "【3】→【1】→【2】", order: [3, 1, 2], faults: []),
        ])
    func readable(_ answer: Case) {
        let read = ListwiseAnswer(ChatAnswer(text: answer.text), count: 3, form: answer.form)
        #expect(read.order.map { $0 + 1 } == answer.order)
        #expect(read.faults == answer.faults)
        #expect(read.isUsable)
    }

    static let unusableAnswers: [(answer: ChatAnswer, faults: Set<AnswerFault>)] = [
        (ChatAnswer(text: ""), [.empty]), (ChatAnswer(text: " \n\t"), [.empty]),
        (ChatAnswer(text: "<think>[1] > [2]"), [.empty]),
        (ChatAnswer(text: "", end: .cut), [.cut, .empty]),
        (ChatAnswer(text: "I cannot rank the 3 passages."), [.unreadable]),
        (ChatAnswer(text: "None of these."), [.unreadable]),
        (ChatAnswer(text: "gpt-3 v2 1.5 3rd"), [.unreadable]),
        (ChatAnswer(text: "[7] > [8]"), [.outOfRange, .unreadable]),
        (ChatAnswer(text: #"{"ranking": []}"#), [.unreadable]),
        (ChatAnswer(text: #"{"error": "no"}"#), [.unreadable]),
        (ChatAnswer(text: "[3] > [1] > [2]", end: .refused), [.refusal]),
    ]

    @Test("an answer that names no document keeps the order and is not usable", arguments: unusableAnswers)
    func unusable(answer: ChatAnswer, faults: Set<AnswerFault>) {
        let read = ListwiseAnswer(answer, count: 3, form: .text)
        #expect(read.order == [0, 1, 2])
        #expect(read.faults.subtracting([.form]) == faults)
        #expect(!read.isUsable)
    }

    @Test("what was written before the limit of tokens counts")
    func cut() {
        let read = ListwiseAnswer(ChatAnswer(text: "[3] > [1] >", end: .cut), count: 3, form: .text)
        #expect(read.order == [2, 0, 1])
        #expect(read.faults.isSuperset(of: [.cut, .missing]) && read.isUsable)
    }

    @Test(
        "ten megabytes are read in one pass", arguments: ["[", "[2] > ", "</think", "9"])
    func large(part: String) {
        let text = String(repeating: part, count: 10_000_000 / part.utf8.count)
        let read = ListwiseAnswer(ChatAnswer(text: text + " [3] > [1]"), count: 20, form: .text)
        #expect(read.order.sorted() == Array(0..<20))
    }

    @Test("whatever is answered, the order is a permutation", arguments: 0..<200 as Range<UInt64>)
    func permutation(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let parts = [
            "[", "]", ">", "1", "2", "17", "-3", ",", " ", "\n", "{", "}", "\"ranking\"", ":", "null", "<think>",
            "</think>", "```", "é", "٣", "９", "99999999999999999999", "Passage ", "word", ".", "\u{301}", "\u{0}",
            "1e5", "[3]",
            " > ",
        ]
        for _ in 0..<20 {
            let text = (0..<random.int(in: 0...60)).map { _ in random.pick(parts) }.joined()
            let count = random.int(in: 2...20)
            for form in AnswerForm.allCases {
                let read = ListwiseAnswer(ChatAnswer(text: text), count: count, form: form)
                #expect(read.order.sorted() == Array(0..<count), "\(text)")
                #expect(read.isUsable || read.order == Array(0..<count), "\(text)")
            }
        }
    }
}
