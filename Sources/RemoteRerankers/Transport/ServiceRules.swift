package import Outbound
import Ranking

/// What differs from service to service in how a request is made and a refusal is read.
package struct ServiceRules: Sendable {
    /// The header that carries the key.
    package var keyHeader: @Sendable (ServiceKey) -> (name: String, value: String)
    /// Headers that each request has.
    package var headers: [(name: String, value: String)]
    /// Whether a refusal may pass, so that the request is sent again. `x-should-retry` overrides a no, and a yes.
    package var isPassing: @Sendable (ServiceRefusal) -> Bool
    /// Refusals that nothing makes pass, whatever `isPassing` and `x-should-retry` say: a limit of spending.
    package var isFinal: @Sendable (ServiceRefusal) -> Bool
    /// Refusals that are about what was sent, whatever their status says.
    package var isAboutInput: @Sendable (ServiceRefusal) -> Bool

    package init(
        keyHeader: @escaping @Sendable (ServiceKey) -> (name: String, value: String) = ServiceRules.bearer,
        headers: [(name: String, value: String)] = [],
        isPassing: @escaping @Sendable (ServiceRefusal) -> Bool = ServiceRules.isPassing,
        isFinal: @escaping @Sendable (ServiceRefusal) -> Bool = ServiceRules.isSpendingLimit,
        isAboutInput: @escaping @Sendable (ServiceRefusal) -> Bool = { _ in false }
    ) {
        self.keyHeader = keyHeader
        self.headers = headers
        self.isPassing = isPassing
        self.isFinal = isFinal
        self.isAboutInput = isAboutInput
    }

    /// `Authorization: Bearer KEY`.
    package static let bearer: @Sendable (ServiceKey) -> (name: String, value: String) = { key in
        ("Authorization", "Bearer \(key.secret)")
    }

    /// 408, 409, 429 and 5xx, 529 among them, as the services' own clients have it; not 501, which a server that was
    /// started without reranking answers for as long as it runs.
    package static let isPassing: @Sendable (ServiceRefusal) -> Bool = { refusal in
        [408, 409, 429].contains(refusal.status) || refusal.status >= 500 && refusal.status != 501
    }

    /// 429 with OpenAI's `insufficient_quota`, or Anthropic's `enforced_spend_limit_reached` where it names no time to
    /// come back.
    package static let isSpendingLimit: @Sendable (ServiceRefusal) -> Bool = { refusal in
        refusal.status == 429
            && (refusal.codes.contains("insufficient_quota")
                || refusal.codes.contains("enforced_spend_limit_reached") && !refusal.namesWait)
    }
}
