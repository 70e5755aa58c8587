import OrderedJSON
import Ranking
import Resift
import Retrieval
import TestSupport
import Testing

/// A folder whose files are read as a corpus.
struct Corpus {
    let folder: TemporaryFolder
    var options = CorpusOptions()

    init(_ change: (inout CorpusOptions) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        change(&options)
    }

    func path(_ name: String) -> String { folder.path + "/" + name }

    /// All documents of the sources, which are names in the folder.
    func documents(_ names: String...) throws -> [IndexDocument] {
        try read(names).map(\.document)
    }

    func read(_ names: [String]) throws -> [CorpusDocument] {
        var documents: [CorpusDocument] = []
        try CorpusReader(sources: names.map(path), options: options).forEachDocument { document, _ in
            documents.append(document)
        }
        return documents
    }

    /// The documents of one file that is written first.
    func documents(of name: String, _ text: String) throws -> [IndexDocument] {
        try folder.write(name, text)
        return try documents(name)
    }

    func documents(of name: String, _ bytes: [UInt8]) throws -> [IndexDocument] {
        try folder.write(name, bytes)
        return try documents(name)
    }

    /// The error, without the folder's name.
    func error(of name: String, _ text: String) throws -> String? { try error(of: name, Array(text.utf8)) }

    func error(of name: String, _ bytes: [UInt8]) throws -> String? {
        try folder.write(name, bytes)
        return error(name)
    }

    func error(_ names: String...) -> String? {
        let error = #expect(throws: RankingError.self) { try read(names) }
        return error.map { $0.what.replacing(folder.path + "/", with: "") }
    }
}

func object(_ json: String) throws -> JSONObject { try JSONObject(parsing: json) }
