/// A model of a Hugging Face hub: "owner/name", or "owner/name@revision".
///
/// A revision is a branch, a tag or a commit; without one it is the branch main.
public struct ModelReference: Sendable, Hashable, CustomStringConvertible {
    public static let defaultRevision = "main"

    public let owner: String
    public let name: String
    public let revision: String

    /// Nil for what cannot be the name of a model: a path such as "./model" or "/models/x", a word without an owner.
    ///
    /// The hub's rule: letters, digits, "-", "_" and "." in both parts, at most 96 of them, no "--" and no "..", and
    /// neither "-" nor "." at an end. A revision has no ".." either, so that it can be a path in the cache.
    public init?(_ text: String) {
        let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "/", omittingEmptySubsequences: false)
        let revision = halves.count == 2 ? String(halves[1]) : ModelReference.defaultRevision
        guard parts.count == 2, parts.allSatisfy(ModelReference.isName), halves[0].utf8.count <= 96,
            ModelReference.isRevision(revision)
        else { return nil }
        owner = String(parts[0])
        name = String(parts[1])
        self.revision = revision
    }

    /// "owner/name", as in the hub's addresses.
    public var id: String { "\(owner)/\(name)" }

    public var description: String { revision == ModelReference.defaultRevision ? id : "\(id)@\(revision)" }

    /// The same model at one commit.
    func at(commit: String) -> ModelReference { ModelReference(owner: owner, name: name, revision: commit) }

    private init(owner: String, name: String, revision: String) {
        self.owner = owner
        self.name = name
        self.revision = revision
    }

    /// A commit never changes what it holds; a branch or a tag can.
    static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static func isName(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, let last = part.utf8.last else { return false }
        let marks = [UInt8(ascii: "-"), UInt8(ascii: ".")]
        return part.utf8.allSatisfy { isWordByte($0) || marks.contains($0) } && !marks.contains(first)
            && !marks.contains(last) && !part.contains("--") && !part.contains("..")
    }

    private static func isRevision(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return text.utf8.count <= 255
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".")
                    && part.utf8.allSatisfy { isWordByte($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
                    && !part.contains("..")
            }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
    }
}
