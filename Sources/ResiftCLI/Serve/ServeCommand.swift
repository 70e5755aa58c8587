import ArgumentParser
import Logging
import Resift
import ResiftServer
import ServiceLifecycle
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve rerank requests of Cohere, Jina, Voyage, Mixedbread and TEI clients.",
        discussion: """
            EXAMPLES
              resift serve
              resift serve --port 9000 --index help.resift
              resift serve --model small=default --model big=ms-marco-MiniLM-L-12-v2 \\
                --alias rerank-v3.5=big
              resift serve --config resift.yaml --check

            CONFIGURATION
              What is not a flag is looked up in the environment, as RESIFT_ and the
              flag's name (RESIFT_MAX_QUEUE=64), then in --config FILE, under the flag's
              name (max-queue: 64), in YAML or JSON. Lists are separated by commas in the
              environment. Keys come from RESIFT_API_KEYS or --api-keys-file alone, since
              every user of a machine sees its command lines.

            PATHS
              /v1/rerank, /v2/rerank, /rerank, /v1/reranking, /v1/score, /v1/search,
              /info, /v1/models, /health, /ready, /metrics; / is a page to try it, /docs
              lists all.

            SIGNALS
              SIGTERM and SIGINT: nobody is let in any more, what was accepted is
              answered, then the server ends.
            """)

    @OptionGroup var options: ServeOptions

    @Flag(help: "Load everything and check the configuration, but do not serve.")
    var check = false

    func run() async throws {
        try await reportingErrors {
            let configuration = try await ServeConfiguration(options)
            let logger = Logger(label: "resift") { label in
                ServerLog(label: label, format: configuration.logFormat, level: configuration.logLevel)
            }
            let settings = configuration.settings
            let server = try await RerankServer(settings, logger: logger) { server, port in
                let scheme = settings.certificateFile == nil ? "http" : "https"
                let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
                StandardError.write(
                    "resift is listening on \(scheme)://\(host):\(port) (model \(server.defaultModel))\n")
            }
            if !settings.isLoopback, settings.apiKeys.isEmpty {
                StandardError.write(
                    "warning: everybody who reaches \(settings.host) can use this server: set RESIFT_API_KEYS, or listen on 127.0.0.1\n"
                )
            }
            if check {
                StandardError.write(
                    "The configuration is in order: models \(server.modelNames.joined(separator: ", ")).\n")
                return
            }
            do {
                try await ServiceGroup(
                    configuration: ServiceGroupConfiguration(
                        services: [server], gracefulShutdownSignals: [.sigterm, .sigint],
                        logger: Logger(label: "resift") { _ in SwiftLogNoOpLogHandler() })
                ).run()
            } catch let error as RankingError {
                throw error
            } catch {
                throw RankingError(
                    .busy, what: "The server cannot listen on \(settings.host):\(settings.port).", why: "\(error)",
                    fix: "Choose another --port (0 is a free one) or --host.", cause: error)
            }
        }
    }
}
