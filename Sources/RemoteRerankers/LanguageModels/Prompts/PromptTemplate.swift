public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The words that a language model is asked with: a text with named places, which callers can replace.
///
/// A place is a name in braces, `{query}`; any other braces stand for themselves. A line `[system]` begins what is said
/// for the whole conversation, a line `[user]` the question; without these lines all is the question. What is filled in
/// is never searched for places.
public struct PromptTemplate: Sendable, Equatable {
    /// What a template is for, and so which places it may have.
    public enum Purpose: Sendable, CaseIterable {
        /// The order of several passages.
        case listwise
        /// Whether one passage is relevant, yes or no.
        case yesNo

        var required: [Place] {
            switch self {
            case .listwise: [.query, .passages, .answerForm]
            case .yesNo: [.query, .passages]
            }
        }

        var optional: [Place] { self == .listwise ? [.boundary, .count, .instruction] : [.boundary, .instruction] }
    }

    public enum Place: String, Sendable, CaseIterable {
        /// The text that was asked, without what could be read as a mark.
        case query
        /// Every passage behind a line that no passage can hold: `=== 5f3a9c1e [1]`.
        case passages
        /// How many passages there are.
        case count
        /// The code in these lines.
        case boundary
        /// What relevant means: `RerankOptions.instruction`, or a sentence of our own.
        case instruction
        /// How the order has to be written, which depends on what the server can enforce.
        case answerForm = "answer_form"
    }

    /// As it was given.
    public let text: String
    public let purpose: Purpose
    private let system: [Piece]
    private let user: [Piece]

    private enum Piece: Sendable, Equatable {
        case words(String)
        case place(Place)
    }

    /// Throws `invalidInput` for a place that is not known, one that is needed and missing, and sections that are not clear.
    public init(_ text: String, for purpose: Purpose) throws(RankingError) {
        let sections = try PromptTemplate.sections(of: text)
        self.text = text
        self.purpose = purpose
        system = try PromptTemplate.pieces(of: sections.system, purpose)
        user = try PromptTemplate.pieces(of: sections.user, purpose)
        for place in purpose.required where !(system + user).contains(.place(place)) {
            throw RankingError(
                .invalidInput, what: "The prompt has no {\(place.rawValue)}.",
                why: "The model would be asked without it.",
                fix: "Put {\(place.rawValue)} where it should stand.")
        }
        // One text of a conversation must be there; services refuse an empty question.
        guard user.contains(where: { $0 != .words("") }) else {
            throw RankingError(
                .invalidInput, what: "The prompt has no question.", why: "Nothing stands in its part [user].",
                fix: "Put the places of query and passages there.")
        }
    }

    /// Reads a template of UTF-8 text. Throws `notFound` where the file cannot be read.
    public static func load(_ path: String, for purpose: Purpose) throws(RankingError) -> PromptTemplate {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw RankingError(
                .notFound, what: "The prompt \(path) cannot be read.",
                why: "It does not exist, is not UTF-8 text, or may not be read by this user.",
                fix: "Give the path of a text file.", cause: error)
        }
        do throws(RankingError) {
            return try PromptTemplate(text, for: purpose)
        } catch {
            throw RankingError(error.code, what: "\(path): \(error.what)", why: error.why, fix: error.fix)
        }
    }

    func has(_ place: Place) -> Bool { (system + user).contains(.place(place)) }

    /// The two texts with all places filled.
    func filled(_ value: (Place) -> String) -> (system: String, user: String) {
        func text(_ pieces: [Piece]) -> String {
            pieces.map { piece in
                switch piece {
                case .words(let words): words
                case .place(let place): value(place)
                }
            }.joined()
        }
        return (text(system), text(user))
    }
}

// MARK: - Reading

extension PromptTemplate {
    private static func sections(of text: String) throws(RankingError) -> (system: String, user: String) {
        var parts: [(name: String, lines: [Substring])] = [("", [])]
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if line == "[system]" || line == "[user]" {
                parts.append((String(line), []))
            } else {
                parts[parts.count - 1].lines.append(line)
            }
        }
        func joined(_ name: String) -> String {
            let lines = parts.filter { $0.name == name }.flatMap(\.lines)
            return trimmed(lines.joined(separator: "\n"))
        }
        if parts.count == 1 { return ("", joined("")) }
        let names = parts.dropFirst().map(\.name)
        guard joined("").isEmpty, Set(names).count == names.count, names.contains("[user]") else {
            throw RankingError(
                .invalidInput, what: "The parts of the prompt are not clear.",
                why:
                    "With a line [system] or [user], each comes once, [user] is there, and nothing stands before them.",
                fix: "Put these lines in front of the two parts, or leave both out.")
        }
        return (joined("[system]"), joined("[user]"))
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private static func pieces(of text: String, _ purpose: Purpose) throws(RankingError) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        let allowed = purpose.required + purpose.optional
        while let match = rest.firstMatch(of: /\{([a-z_]+)\}/) {
            guard let place = Place(rawValue: String(match.1)), allowed.contains(place) else {
                throw RankingError(
                    .invalidInput, what: "The prompt has a place {\(match.1)} that nothing fills.",
                    why: "Its places are \(allowed.map { "{\($0.rawValue)}" }.joined(separator: ", ")).",
                    fix: "Take one of these, or write it without braces.")
            }
            pieces += [.words(String(rest[..<match.range.lowerBound])), .place(place)]
            rest = rest[match.range.upperBound...]
        }
        return pieces + [.words(String(rest))]
    }
}

extension PromptTemplate {
    /// The template of a reranker's settings, or our own.
    static func checked(_ template: PromptTemplate?, for purpose: Purpose) throws(RankingError) -> PromptTemplate {
        guard let template else { return try PromptTemplate(own(for: purpose), for: purpose) }
        guard template.purpose == purpose else {
            throw RankingError(
                .invalidInput, what: "The prompt was made for another kind of question.",
                why: "An order of passages and a yes or no are asked for differently.",
                fix: "Make it for this purpose.")
        }
        return template
    }
}
