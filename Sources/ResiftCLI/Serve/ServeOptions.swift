public import ArgumentParser
import Resift
public import ResiftServer

extension ServerSettings.UnknownModels: ExpressibleByArgument {}
extension ServerLog.Format: ExpressibleByArgument {}

/// The flags of `resift serve`. All are optional: what is not given comes from the environment or a file.
struct ServeOptions: ParsableArguments {
    @Option(help: "Where to listen. Default: 127.0.0.1, this machine alone.")
    var host: String?

    @Option(help: "The port; 0 for a free one. Default: 8080.")
    var port: Int?

    @Option(help: ArgumentHelp("Settings in YAML or JSON.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "A model: a directory, \"default\" for the one inside the package, or NAME=DIRECTORY; several times for several.",
            valueName: "model"))
    var model: [String] = []

    @Option(
        help: ArgumentHelp(
            "Something else that ranks, beside the models or alone: a service, a language model, a YAML file, or NAME= one of these; several times for several.",
            valueName: "reranker"))
    var reranker: [String] = []

    @Option(help: ArgumentHelp("The model for requests that name none. Default: the first.", valueName: "name"))
    var defaultModel: String?

    @Option(
        help: ArgumentHelp("Another name of a model: rerank-v3.5=NAME; several times for several.", valueName: "alias"))
    var alias: [String] = []

    @Option(help: "Requests for models that are not here: the default model answers, or 404. Default: default.")
    var unknownModels: ServerSettings.UnknownModels?

    @Option(help: "Threads for inference. Default: one for each CPU.")
    var threads: Int?

    @Option(help: "What the models multiply; auto is int8 where the CPU is fast at it, else fp32. Default: auto.")
    var precision: Precision?

    @Option(help: "Documents that do not fit, where a request does not say. Default: truncate.")
    var longDocuments: LongDocumentsChoice?

    @Option(help: ArgumentHelp("An index for /v1/search.", valueName: "file"))
    var index: String?

    @Option(help: ArgumentHelp("The index's embedding model, where it has moved.", valueName: "directory"))
    var embedder: String?

    @Option(help: ArgumentHelp("The index's late-interaction model, where it has moved.", valueName: "directory"))
    var lateInteraction: String?

    @Option(help: ArgumentHelp("API keys, one a line.", valueName: "file"))
    var apiKeysFile: String?

    @Option(help: ArgumentHelp("A certificate chain in PEM, for TLS.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The certificate's private key.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "A web page's origin that may use the server; * for all. Default: none.", valueName: "origin"))
    var corsOrigin: [String] = []

    @Option(help: "Largest body of a request, in bytes. Default: 33554432.")
    var maxBodyBytes: Int?

    @Option(help: "Most documents of a request. Default: 10000.")
    var maxDocuments: Int?

    @Option(help: "Longest document, in bytes. Default: 1048576.")
    var maxDocumentBytes: Int?

    @Option(help: "Most tokens of all pairs of a request. Default: 6000000.")
    var maxRequestTokens: Int?

    @Option(help: "Most requests that run or wait; the next are answered 429. Default: 512.")
    var maxQueue: Int?

    @Option(help: "Longest wait for a turn, then 429. Default: 30s.")
    var maxQueueWait: String?

    @Option(help: "Most connections; more wait. Default: 1024.")
    var maxConnections: Int?

    @Option(help: "Longest time that a request may take to arrive. Default: 30s.")
    var readTimeout: String?

    @Option(help: "How long a connection may be idle. Default: 60s.")
    var idleTimeout: String?

    @Option(help: "After SIGTERM: how long to answer as usual while /ready says 503. Default: 0s.")
    var drainDelay: String?

    @Option(help: "After that: how long accepted requests may take. Default: 30s.")
    var drainTimeout: String?

    @Option(
        help: ArgumentHelp(
            "Where scores are kept: memory:SIZE, sqlite:FILE, redis://HOST, several joined by commas, or none. Default: memory:256MB.",
            valueName: "address"))
    var cache: String?

    @Option(help: "The same as --cache memory:BYTES; 0 for none.")
    var cacheBytes: Int?

    @Option(help: "Log lines for people or as JSON. Default: text.")
    var logFormat: ServerLog.Format?

    @Option(help: "trace, debug (every request), info (those that score), notice, warning, error. Default: info.")
    var logLevel: String?
}
