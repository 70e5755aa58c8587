import OrderedJSON
import Reranking

/// The order that a language model gave for a window, with what had to be repaired to make it one.
///
/// Asked for JSON, an answer is `{"ranking": [3, 1, 2]}`; asked for text, `[3] > [1] > [2]`. Numbers are from 1. What has
/// another form is read all the same where that leaves no doubt, in this order of trust:
/// 1. an object with the list, whatever stands around it;
/// 2. the longest chain of numbers joined by ">", or list of them in brackets, the last one of equals, whatever stands
///    around it;
/// 3. a text of nothing but numbers and separators;
/// 4. numbers in brackets, in the order they come.
///
/// What a reasoning model thought aloud (`<think>…</think>`) is passed over. Repairs are those of RankLLM: the first place
/// of a number counts, numbers of no document are dropped, documents that are left out come last in the order they had.
/// An answer that names no document at all is not usable, and neither is a refusal.
struct ListwiseAnswer: Sendable, Equatable {
    /// A permutation of 0 ..< count, best first; of an unusable answer the order that was.
    var order: [Int]
    var faults: Set<AnswerFault>
    var isUsable: Bool

    init(_ answer: ChatAnswer, count: Int, form: AnswerForm) {
        faults = answer.end == .cut ? [.cut] : []
        order = Array(0..<count)
        isUsable = false
        guard answer.end != .refused else {
            faults.insert(.refusal)
            return
        }
        let text = SpokenAnswer.trimmed(answer.text)
        guard !text.isEmpty else {
            faults.insert(.empty)
            return
        }
        let found = ListwiseAnswer.numbers(in: text, count: count, form: form)
        if found.hasOtherForm { faults.insert(.form) }
        if found.numbers.duplicates { faults.insert(.duplicate) }
        if found.numbers.outOfRange { faults.insert(.outOfRange) }
        guard !found.numbers.positions.isEmpty else {
            faults.insert(.unreadable)
            return
        }
        isUsable = true
        if found.numbers.positions.count < count { faults.insert(.missing) }
        order = found.numbers.positions + order.filter { !found.numbers.contains($0) }
    }

    private static func numbers(
        in text: [UInt8], count: Int, form: AnswerForm
    ) -> (numbers: NamedPositions, hasOtherForm: Bool) {
        if let list = object(text, count: count) { return (list.numbers, form != .json || list.hasOtherForm) }
        if let first = text.firstIndex(of: UInt8(ascii: "{")), let last = text.lastIndex(of: UInt8(ascii: "}")),
            first < last, let list = object(Array(text[first...last]), count: count)
        {
            return (list.numbers, true)
        }
        var scanner = OrderScanner(count: count)
        scanner.scan(String(decoding: text, as: UTF8.self))
        return (scanner.best, form != .text || !scanner.isChainAlone)
    }

    /// A list under "ranking", or the only list of the object. Nil for what is not such an object.
    private static func object(_ text: [UInt8], count: Int) -> (numbers: NamedPositions, hasOtherForm: Bool)? {
        guard text.first == UInt8(ascii: "{"),
            case .object(let object)? = try? JSONValue.parse(text, maxValues: 100_000)
        else { return nil }
        let lists = object.members.compactMap { member -> [JSONValue]? in
            guard case .array(let items) = member.value else { return nil }
            return items
        }
        var hasOtherForm = false
        let items: [JSONValue]
        if case .array(let ranking)? = object["ranking"] {
            items = ranking
        } else if lists.count == 1 {
            items = lists[0]
            hasOtherForm = true
        } else {
            return nil
        }
        var numbers = NamedPositions(count: count)
        for item in items {
            switch item {
            case .number(let number): numbers.append(number.int)
            case .string(let text):
                hasOtherForm = true
                numbers.append(Int(text.filter { $0 != "[" && $0 != "]" }))
            default: hasOtherForm = true
            }
        }
        return (numbers, hasOtherForm)
    }
}

/// What a model says, without what it thinks.
enum SpokenAnswer {
    private static let thoughts = ["think", "thinking", "thought", "reasoning"]

    /// The text after the last thought, without white space around it. A thought that does not end is all there is.
    static func trimmed(_ text: String) -> [UInt8] {
        var bytes = Array(text.utf8)[...]
        for name in thoughts {
            if let end = lastRange(of: "</\(name)>", in: bytes) { bytes = bytes[end.upperBound...] }
            if let start = lastRange(of: "<\(name)>", in: bytes) { bytes = bytes[..<start.lowerBound] }
        }
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        while bytes.first.map(isSpace) == true { bytes.removeFirst() }
        while bytes.last.map(isSpace) == true { bytes.removeLast() }
        return Array(bytes)
    }

    private static func lastRange(of word: String, in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        let word = Array(word.utf8)
        guard bytes.count >= word.count else { return nil }
        for start in (bytes.startIndex...bytes.endIndex - word.count).reversed()
        where bytes[start] == word[0] && bytes[start..<start + word.count].elementsEqual(word) {
            return start..<start + word.count
        }
        return nil
    }
}

/// Positions that numbers from 1 name, each once, in the order they were named.
struct NamedPositions: Sendable, Equatable {
    private(set) var positions: [Int] = []
    private(set) var duplicates = false
    private(set) var outOfRange = false
    private var isNamed: [Bool]

    init(count: Int) { isNamed = Array(repeating: false, count: count) }

    /// - Parameter number: Nil for one that is too large for any list, or not whole.
    mutating func append(_ number: Int?) {
        guard let number, (1...max(1, isNamed.count)).contains(number), !isNamed.isEmpty else {
            outOfRange = true
            return
        }
        if isNamed[number - 1] {
            duplicates = true
        } else {
            isNamed[number - 1] = true
            positions.append(number - 1)
        }
    }

    func contains(_ position: Int) -> Bool { isNamed[position] }
}
