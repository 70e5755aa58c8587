public import ArgumentParser
public import Resift

extension CorpusFormat: ExpressibleByArgument {}

/// What `index build` and `index add` read.
struct CorpusArguments: ParsableArguments {
    static let discussion = """
        CORPUS
          Files and directories, in the order given; - is standard input.
          JSON Lines or a JSON array, gzip too: objects with _id or id, title and text;
          other fields, and those of an object "metadata", are metadata for filters.
          Tables (.csv, .tsv), whose first row names the columns; of two columns
          without such a row, the first is the id and the second the text.
          A BEIR directory (with corpus.jsonl), or a directory of text, Markdown
          and HTML files, whose ids are their paths.
        """

    @Argument(help: "What to index.")
    var corpus: [String]

    @Option(help: "How files and standard input are written.")
    var inputFormat: CorpusFormat = .auto

    @Option(help: ArgumentHelp("The field that is the id. Default: _id or id.", valueName: "name"))
    var idField: String?

    @Option(help: ArgumentHelp("The field that is the title. Default: title.", valueName: "name"))
    var titleField: String?

    @Option(help: ArgumentHelp("The field that is the text. Default: text.", valueName: "name"))
    var textField: String?

    @Flag(help: "Give documents without an id one: the file's name and their number in it.")
    var numberDocuments = false

    @Option(help: "Longest line, record or text file of the input.")
    var maxLineBytes: Int = InputBytes.defaultMaxLineBytes

    func validate() throws {
        if maxLineBytes < 1 { throw ValidationError("--max-line-bytes has to be positive.") }
        if corpus.count(where: { $0 == "-" }) > 1 { throw ValidationError("Standard input can be read once.") }
    }

    func documents() throws(RankingError) -> CorpusDocuments {
        var options = CorpusOptions()
        options.format = inputFormat
        options.idField = idField
        options.titleField = titleField
        options.textField = textField
        options.numbersDocuments = numberDocuments
        options.maxLineBytes = maxLineBytes
        return try CorpusDocuments(CorpusReader(sources: corpus, options: options))
    }

    /// What was passed over is said.
    func note(_ documents: CorpusDocuments) {
        let skipped = documents.skippedFiles.sorted { $0.key < $1.key }
        guard !skipped.isEmpty else { return }
        let kinds = skipped.map { "\($0.value) \($0.key.isEmpty ? "without extension" : "." + $0.key)" }
        StandardError.write("note: files of other kinds were not read: \(kinds.joined(separator: ", "))\n")
    }
}
