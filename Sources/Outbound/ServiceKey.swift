public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A secret that says to a service who asks. It prints as "(key)", whatever prints it.
public struct ServiceKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let secret: String

    /// White space around it is dropped, which files end with.
    ///
    /// Throws `invalidInput` for what cannot stand in a header of a request: nothing, or a space or a sign outside ASCII.
    public init(_ text: String) throws(RankingError) {
        guard let key = ServiceKey(unchecked: text), key.isPrintable else {
            let isEmpty = text.allSatisfy(\.isWhitespace)
            throw RankingError(
                .invalidInput, what: "A service's key is \(isEmpty ? "empty" : "not one word of ASCII characters").",
                why: "It is sent in a header, as letters, digits and signs without spaces.",
                fix: "Give the key alone, as the service shows it.")
        }
        self = key
    }

    /// Nil for an empty text. Whether it can stand in a header is for `isPrintable` to say, where it is used.
    package init?(unchecked text: String) {
        var text = text[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        if text.isEmpty { return nil }
        secret = String(text)
    }

    /// False where it cannot stand in a header of a request.
    package var isPrintable: Bool { secret.utf8.allSatisfy { (33...126).contains($0) } }

    /// The key that the first of these variables holds that is set; nil where none is.
    ///
    /// - Parameter variables: Nil for those of this process.
    public static func fromEnvironment(
        _ names: [String], in variables: [String: String]? = nil
    ) throws(RankingError) -> ServiceKey? {
        let variables = variables ?? ProcessInfo.processInfo.environment
        guard let text = names.lazy.compactMap({ variables[$0] }).first(where: { !$0.isEmpty }) else { return nil }
        return try ServiceKey(text)
    }

    /// The key that a file holds, and nothing else in it. Throws `notFound` where it cannot be read.
    public static func fromFile(_ path: String) throws(RankingError) -> ServiceKey {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw RankingError(
                .notFound, what: "The key file \(path) cannot be read.",
                why: "It does not exist, is not UTF-8 text, or may not be read by this user.",
                fix: "Give the path of a file that holds the key alone.")
        }
        return try ServiceKey(text)
    }

    /// The text without the key, which a service may repeat in what it answers.
    package func redacted(from text: String) -> String {
        text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "(key)")
    }

    public var description: String { "(key)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
