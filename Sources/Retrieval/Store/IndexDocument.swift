public import OrderedJSON

/// A document as an index stores it.
public struct IndexDocument: Sendable, Equatable {
    /// Unique in the index, compared by its bytes, not empty.
    public var id: String
    /// Empty where there is none. BM25 and embedders read the title and the text, joined by a space.
    public var title: String
    public var text: String
    /// What filters look at, and what search results carry along: fields by name, as they were given.
    public var metadata: JSONObject

    public init(id: String, title: String = "", text: String, metadata: JSONObject = JSONObject()) {
        self.id = id
        self.title = title
        self.text = text
        self.metadata = metadata
    }
}
