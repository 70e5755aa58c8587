/// A query and documents, to compare or fit models on. Whether the documents are relevant need not be known.
public struct PairSample: Sendable, Equatable {
    public var query: String
    public var documents: [String]

    public init(query: String, documents: [String]) {
        self.query = query
        self.documents = documents
    }
}
