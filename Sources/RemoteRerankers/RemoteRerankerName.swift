public import Ranking

/// A service that reranks.
public enum RemoteService: String, Sendable, CaseIterable {
    case cohere
    case cohereV1 = "cohere-v1"
    case infinity
    case jina
    case llamaCpp = "llamacpp"
    case mixedbread
    case pinecone
    case tei
    case vllm
    case voyage

    var contract: any RerankContract.Type {
        switch self {
        case .cohere: CohereV2.self
        case .cohereV1: CohereV1.self
        case .infinity: Infinity.self
        case .jina: Jina.self
        case .llamaCpp: LlamaCpp.self
        case .mixedbread: Mixedbread.self
        case .pinecone: Pinecone.self
        case .tei: TextEmbeddingsInference.self
        case .vllm: VLLM.self
        case .voyage: Voyage.self
        }
    }

    /// Environment variables that hold its key, the first one that is set.
    public var keyVariables: [String] { contract.keyVariables }

    /// How it is named: "cohere:MODEL", "tei:http://HOST:PORT".
    public var form: String {
        let isHosted = contract.baseURL(for: nil) != nil
        if isHosted { return "\(rawValue):MODEL" }
        return contract.needsModel ? "\(rawValue):MODEL@http://HOST:PORT" : "\(rawValue):http://HOST:PORT"
    }
}

/// Which reranker of which service: `SERVICE:MODEL`, `SERVICE:URL` or `SERVICE:MODEL@URL`.
///
/// `cohere:rerank-v3.5`, `jina:jina-reranker-v2-base-multilingual`, `tei:http://localhost:8080`,
/// `vllm:BAAI/bge-reranker-v2-m3@http://localhost:8000`. A hosted service takes an address too, that of a server which
/// speaks its interface: `cohere:resift-default@http://localhost:8080`.
public struct RemoteRerankerName: Sendable, Hashable, CustomStringConvertible {
    public var service: RemoteService
    /// Nil for the only model of a server.
    public var model: String?
    /// Nil for the service's own address.
    public var baseURL: String?

    public init(service: RemoteService, model: String? = nil, baseURL: String? = nil) {
        self.service = service
        self.model = model
        self.baseURL = baseURL
    }

    /// Throws `invalidInput` for what is no such name, with the services there are.
    public init(_ text: String) throws(RankingError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let service = RemoteService(rawValue: String(parts[0])) else {
            throw RankingError(
                .invalidInput, what: "There is no service \"\(parts[0])\".",
                why: "A remote reranker is named \(RemoteRerankerName.forms).", fix: "Use one of these names.")
        }
        self.init(service: service)
        guard parts.count == 2, !parts[1].isEmpty else { return }
        let rest = parts[1]
        if RemoteRerankerName.isAddress(rest) {
            baseURL = String(rest)
        } else if let at = rest.indices.first(where: {
            rest[$0] == "@" && RemoteRerankerName.isAddress(rest[rest.index(after: $0)...])
        }) {
            model = String(rest[..<at])
            baseURL = String(rest[rest.index(after: at)...])
        } else {
            model = String(rest)
        }
        if model?.isEmpty == true { model = nil }
    }

    /// As the name is written; without the address where there is a model to tell it by, or where the address holds what
    /// may be a secret.
    public var description: String {
        let address = baseURL.flatMap { $0.contains("@") || $0.contains("?") ? nil : $0 }
        return ([service.rawValue] + [model ?? address].compactMap(\.self)).joined(separator: ":")
    }

    /// "cohere:MODEL, jina:MODEL, ... or voyage:MODEL".
    public static var forms: String {
        let forms = RemoteService.allCases.map(\.form)
        return forms.dropLast().joined(separator: ", ") + " or " + (forms.last ?? "")
    }

    private static func isAddress(_ text: Substring) -> Bool {
        let start = text.prefix(8).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }
}

extension RemoteRerankerName {
    var lacksModel: RankingError {
        RankingError(
            .invalidInput, what: "\"\(self)\" names no model.",
            why: "\(service.rawValue) has several, and asks for the name of one.",
            fix: "Write \(service.form).")
    }

    var lacksAddress: RankingError {
        RankingError(
            .invalidInput, what: "\"\(self)\" names no address.",
            why: "\(service.rawValue) is a server that everybody runs for themselves.", fix: "Write \(service.form).")
    }

    func lacksKey(_ variables: [String]) -> RankingError {
        RankingError(
            .accessDenied, what: "There is no key for \(self).", why: "The service answers nobody without one.",
            fix: "Set \(variables.joined(separator: " or ")), or name a file that holds the key.")
    }
}
