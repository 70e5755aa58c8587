import ArgumentParser
import Resift

struct ModelsPullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Download a model of the Hugging Face hub, so that --model owner/name finds it.",
        discussion: """
            EXAMPLES
              resift models pull cross-encoder/ms-marco-MiniLM-L6-v2
              resift models pull BAAI/bge-reranker-v2-m3@main
              HF_ENDPOINT=https://mirror.example resift models pull owner/name

            Only the files that Resift reads: configuration, tokenizer, weights in
            safetensors. Each is compared with the hash that the hub gives. A download that
            was broken off goes on where it was; several at the same time share the work.

            ENVIRONMENT, as for other Hugging Face tools, which find the model too
              HF_HUB_CACHE     the cache; else HF_HOME/hub, else huggingface/hub in
                               XDG_CACHE_HOME, else in ~/.cache
              HF_TOKEN         for gated and private models; else the file HF_HOME/token
              HF_ENDPOINT      another hub, or a mirror
              HF_HUB_OFFLINE   1 never uses the network
            """)

    @Argument(
        help: ArgumentHelp("The model; a revision is a branch, tag or commit.", valueName: "owner/name[@revision]"))
    var model: String

    @Flag(help: "Only look whether the cache has it.")
    var offline = false

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func validate() throws {
        if ModelReference(model) == nil {
            throw ValidationError(
                "\"\(model)\" is no model of the hub; it has to be owner/name or owner/name@revision.")
        }
    }

    func run() async throws {
        guard let reference = ModelReference(model) else { return }
        try await reportingErrors {
            var settings = HubSettings()
            settings.isOffline = settings.isOffline || offline
            let pulled = try await DownloadLine.download(reference, from: ModelStore(settings: settings))
            var report = JSONObject()
            report["model"] = .string(pulled.model.id)
            report["revision"] = .string(pulled.model.revision)
            report["commit"] = .string(pulled.commit)
            report["directory"] = .string(pulled.directory)
            report["files"] = .number(JSONNumber(pulled.files))
            report["downloaded_files"] = .number(JSONNumber(pulled.downloadedFiles))
            FieldTable.print(report, format)
        }
    }
}
