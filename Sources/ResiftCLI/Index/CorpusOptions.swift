import ArgumentParser
import Resift

struct StubSource: DocumentSource {
    var documents: ArraySlice<Document>
    var position: String { "" }
    var progress: Double? { nil }
    var fingerprint: String { "stub" }
    mutating func next() throws -> IndexDocument? {
        guard let d = documents.popFirst() else { return nil }
        guard case .fields(let f) = d.content else { return nil }
        var title = "", text = ""
        if case .string(let t)? = f["title"] { title = t }
        if case .string(let t)? = f["text"] { text = t }
        return IndexDocument(id: d.id ?? "", title: title, text: text)
    }
}
struct CorpusOptions: ParsableArguments {
    static let discussion = ""
    @Argument var corpus: [String]
    func reader() throws -> StubSource {
        StubSource(documents: try DocumentReader().documents(in: .read(path: corpus[0]))[...])
    }
    func note(_ s: StubSource) {}
}
