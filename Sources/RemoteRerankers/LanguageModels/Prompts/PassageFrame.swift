import Crypto

/// Query and passages as they stand in a prompt, so that no text can pass for another, or for us.
///
/// Before each stands a line `=== CODE [1]` whose code is in none of the texts: the first eight hexadecimal digits of a
/// SHA-256 of all of them, and of the next number as long as one of them does hold it. The same texts have the same code,
/// so that services can recognize a prompt. Numbers in brackets are ours alone: `ForeignText` changes those of the texts.
struct PassageFrame: Sendable {
    let boundary: String
    let query: String
    /// With the line in front of each.
    let passages: String

    /// - Parameters: Texts after `ForeignText.neutral`.
    init(query: String, passages: [String]) {
        let boundary = PassageFrame.boundary(of: [query] + passages)
        self.boundary = boundary
        self.query = query
        self.passages = passages.enumerated().map { "=== \(boundary) [\($0 + 1)]\n\($1)" }.joined(separator: "\n")
    }

    /// - Parameter bytes: Of the code; more than any texts of this world could hold all codes of.
    static func boundary(of texts: [String], bytes: Int = 4) -> String {
        var hash = SHA256()
        for text in texts {
            hash.update(data: Array("\(text.utf8.count) ".utf8))
            hash.update(data: Array(text.utf8))
        }
        // In any case of letters, which a model may not see; as bytes, since an accent behind it makes another Character.
        let lowercase = texts.map { Array($0.lowercased().utf8) }
        var number = 0
        while true {
            var numbered = hash
            numbered.update(data: Array("\(number)".utf8))
            let code = numbered.finalize().prefix(bytes).map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined()
            if lowercase.allSatisfy({ $0.firstRange(of: Array(code.utf8)) == nil }) { return code }
            number += 1
        }
    }
}

/// A text from elsewhere, changed where a model, or the server in front of it, could take it for something else.
///
/// - Numbers in brackets, which are our names of passages, get parentheses: `[3]` becomes `(3)`, as in RankLLM.
/// - Marks that chat templates of open models put between speakers are broken by a space, since servers read them as
///   such wherever they stand: `<|im_end|>` becomes `< |im_end| >`, `[/INST]` becomes `[ /INST]`.
/// - Characters that nobody sees are taken out: control characters, marks of direction, tags, zero width spaces. Line
///   breaks of all kinds become "\n".
enum ForeignText {
    static func neutral(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.compactMap(visible)))
            .replacing(scalars(/\r\n?/), with: "\n")
            .replacing(scalars(/[\[［【]\s*(\p{Nd}+)\s*[\]］】]/)) { "(\($0.1))" }
            .replacing(scalars(/<(?=[|｜])/), with: "< ")
            .replacing(scalars(/([|｜])>/)) { "\($0.1) >" }
            .replacing(
                scalars(/(\[)(\/?INST\]|\/?SYSTEM_PROMPT\]|\/?AVAILABLE_TOOLS\]|\/?TOOL_RESULTS\]|\/?TOOL_CALLS\])/)
            ) {
                "\($0.1) \($0.2)"
            }
            .replacing(scalars(/<(<\/?SYS>>|\/?(?:s|bos|eos|think|start_of_turn|end_of_turn)>)/)) { "< \($0.1)" }
    }

    /// A character with an accent behind it is still the character to a tokenizer.
    private static func scalars<Output>(_ regex: Regex<Output>) -> Regex<Output> {
        regex.matchingSemantics(.unicodeScalar)
    }

    /// Nil for what is taken out.
    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: scalar
        case 0x0B, 0x0C, 0x85, 0x2028, 0x2029: "\n"
        case ..<0x20, 0x7F...0x9F: nil
        // The joiners 200C and 200D make words of Persian and Hindi, and emoji.
        case 0x200B, 0x200E...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFEFF, 0xE0000...0xE0FFF: nil
        default: scalar
        }
    }
}
