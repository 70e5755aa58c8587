import OrderedJSON
import Ranking
import Retrieval

/// Makes documents of objects with fields, whatever format they were written in.
///
/// - The id is the field `id` or `_id` (a string, or a number as it is written).
/// - `title` and `text` are strings; null is as good as absent. An object with neither is read as
///   `Document.text(rankFields:)` renders it.
/// - All other fields are metadata. The members of an object named `metadata` join them; a field of the document
///   itself wins over a member of the same name.
struct CorpusFields {
    let id: String?
    let title: String
    let text: String
    /// True where the caller named the field that holds the text, so that every document must have it.
    private let requiresText: Bool
    let numbersDocuments: Bool
    /// What numbered ids begin with.
    private let numberPrefix: String

    init(_ options: CorpusOptions, numberPrefix: String) {
        id = options.idField
        title = options.titleField ?? "title"
        text = options.textField ?? "text"
        requiresText = options.textField != nil
        numbersDocuments = options.numbersDocuments
        self.numberPrefix = numberPrefix
    }

    /// True for a column that holds the id.
    func isID(_ name: String) -> Bool { id.map { $0 == name } ?? ["id", "_id"].contains(name) }

    /// - Parameter number: which document of its source this is, from 1.
    func document(
        from fields: JSONObject, number: Int, at position: SourcePosition
    ) throws(RankingError) -> IndexDocument {
        let (idKey, documentID) = try identify(fields, number: number, at: position)
        let titleText = try string(title, of: fields, at: position)
        let bodyText = try string(text, of: fields, at: position)
        var document = IndexDocument(id: documentID, title: titleText ?? "", text: bodyText ?? "")
        for member in fields.members where ![idKey, title, text, "metadata"].contains(member.key) {
            document.metadata[member.key] = member.value
        }
        switch fields["metadata"] {
        case .object(let members)?:
            for member in members.members where document.metadata[member.key] == nil {
                document.metadata[member.key] = member.value
            }
        case nil, .null?: break
        case let value?: document.metadata["metadata"] = value
        }
        if bodyText == nil {
            guard !requiresText else {
                throw position.error(
                    "has no field \"\(text)\"", why: "Its fields are: \(fields.keys.joined(separator: ", ")).",
                    fix: "Name the field that every document has with --text-field.")
            }
            if titleText == nil { document.text = try Document(id: documentID, fields: fields).text() }
        }
        return document
    }

    /// A document that is only a text.
    func document(text: String, number: Int, at position: SourcePosition) throws(RankingError) -> IndexDocument {
        IndexDocument(id: try numbered(number, at: position, fields: []), text: text)
    }

    private func identify(
        _ fields: JSONObject, number: Int, at position: SourcePosition
    ) throws(RankingError) -> (key: String?, id: String) {
        for key in id.map({ [$0] }) ?? ["id", "_id"] {
            let value: String
            switch fields[key] {
            case .string(let string)?: value = string
            case .number(let number)?: value = number.description
            case nil, .null?: continue
            default:
                throw position.error(
                    "has an id that is neither a string nor a number", why: "\"\(key)\" names the document.",
                    fix: "Write it as a string, or name another field with --id-field.")
            }
            guard !value.isEmpty else {
                throw position.error(
                    "has an empty id", why: "\"\(key)\" names the document in every result.",
                    fix: "Give it an id, or name another field with --id-field.")
            }
            return (key, value)
        }
        return (nil, try numbered(number, at: position, fields: fields.keys))
    }

    private func numbered(
        _ number: Int, at position: SourcePosition, fields: [String]
    ) throws(RankingError) -> String {
        guard !numbersDocuments else { return "\(numberPrefix):\(number)" }
        let wanted = id.map { "\"\($0)\"" } ?? "\"id\" and no \"_id\""
        throw position.error(
            fields.isEmpty ? "has no id" : "has no \(wanted)",
            why: fields.isEmpty
                ? "It is a text without fields." : "Its fields are: \(fields.joined(separator: ", ")).",
            fix: "Name the field that holds the id with --id-field, or number the documents with --number-documents.")
    }

    private func string(
        _ key: String, of fields: JSONObject, at position: SourcePosition
    ) throws(RankingError) -> String? {
        switch fields[key] {
        case nil, .null?: return nil
        case .string(let text)?: return text
        default:
            throw position.error(
                "has a \"\(key)\" that is no string", why: "Title and text are what is searched.",
                fix: "Write it as one string, or name other fields with --title-field and --text-field.")
        }
    }
}
