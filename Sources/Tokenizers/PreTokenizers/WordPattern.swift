/// The regular expressions that byte-level BPE models cut words with.
///
/// Each matches at every position of a text. Every run of white space is looked through at most three times, every other
/// character once or twice.
enum WordPattern: CaseIterable, Sendable {
    /// GPT-2, RoBERTa, ModernBERT: what ByteLevel does by itself.
    case gpt2
    /// Qwen2, Qwen2.5 and Qwen3: digits one by one.
    case qwen2
    /// GPT-4 (cl100k), Llama 3: digits by up to three.
    case llama3

    /// As the files have it.
    var regex: String {
        switch self {
        case .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        case .qwen2: WordPattern.gpt4(digits: #"\p{N}"#)
        case .llama3: WordPattern.gpt4(digits: #"\p{N}{1,3}"#)
        }
    }

    private static func gpt4(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The end of the match at the start of a range that is not empty.
    func end(in scalars: [UInt32], _ range: Range<Int>) -> Int {
        let text = Text(scalars: scalars, end: range.upperBound)
        let start = range.lowerBound
        return switch self {
        case .gpt2: WordPattern.gpt2End(text, start)
        case .qwen2: WordPattern.gpt4End(text, start, digits: 1)
        case .llama3: WordPattern.gpt4End(text, start, digits: 3)
        }
    }

    private static func gpt2End(_ text: Text, _ start: Int) -> Int {
        if let end = text.contraction(at: start, ignoringCase: false) { return end }
        // " ?" before each of three kinds of words.
        let word = text.scalars[start] == 0x20 ? start + 1 : start
        if let kind = text.kind(word), kind != .space { return text.run(of: kind, from: word) }
        return text.spaceEnd(start)
    }

    private static func gpt4End(_ text: Text, _ start: Int, digits: Int) -> Int {
        if let end = text.contraction(at: start, ignoringCase: true) { return end }
        let kind = text.kind(start)
        // [^\r\n\p{L}\p{N}]?\p{L}+
        if kind == .letter { return text.run(of: .letter, from: start) }
        if kind != .number, !text.isLineBreak(start), text.kind(start + 1) == .letter {
            return text.run(of: .letter, from: start + 1)
        }
        if kind == .number {
            let end = text.run(of: .number, from: start, limit: digits)
            return end
        }
        //  ?[^\s\p{L}\p{N}]+[\r\n]*
        let word = text.scalars[start] == 0x20 ? start + 1 : start
        if text.kind(word) == .other {
            var end = text.run(of: .other, from: word)
            while text.isLineBreak(end) { end += 1 }
            return end
        }
        // \s*[\r\n]+: up to the last line break of the run.
        let end = text.run(of: .space, from: start)
        if let last = (start..<end).last(where: text.isLineBreak) { return last + 1 }
        return text.spaceEnd(start)
    }

    private enum Kind {
        case letter, number, space, other
    }

    private struct Text {
        let scalars: [UInt32]
        let end: Int

        func kind(_ index: Int) -> Kind? {
            guard index < end else { return nil }
            let scalar = scalars[index]
            switch scalar {
            case 0x61...0x7A, 0x41...0x5A: return .letter
            case 0x20: return .space
            default:
                let properties = TextUnicode.properties(scalar)
                if properties.contains(.letter) { return .letter }
                if properties.contains(.number) { return .number }
                return properties.contains(.whitespace) ? .space : .other
            }
        }

        func isLineBreak(_ index: Int) -> Bool {
            index < end && (scalars[index] == 0x0A || scalars[index] == 0x0D)
        }

        func run(of kind: Kind, from start: Int, limit: Int = Int.max) -> Int {
            var index = start
            while index - start < limit, self.kind(index) == kind { index += 1 }
            return index
        }

        /// `\s+(?!\S)|\s+`: white space; the last of it is left to the word behind, unless it is the only one.
        func spaceEnd(_ start: Int) -> Int {
            let end = run(of: .space, from: start)
            return end == self.end || end - start == 1 ? end : end - 1
        }

        /// The end of `'s|'t|'re|'ve|'m|'ll|'d`.
        func contraction(at start: Int, ignoringCase: Bool) -> Int? {
            guard scalars[start] == 0x27, start + 1 < end else { return nil }
            func letter(_ index: Int) -> Unicode.Scalar? {
                guard index < end else { return nil }
                let scalar = scalars[index]
                if ignoringCase, (0x41...0x5A).contains(scalar) { return Unicode.Scalar(scalar + 0x20) }
                // The long s is a lowercase s to a match that ignores case.
                if ignoringCase, scalar == 0x17F { return "s" }
                return Unicode.Scalar(scalar)
            }
            switch (letter(start + 1), letter(start + 2)) {
            case ("s", _), ("t", _), ("m", _), ("d", _): return start + 2
            case ("r", "e"), ("v", "e"), ("l", "l"): return start + 3
            default: return nil
            }
        }
    }
}
