#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the probabilities of a language model's first token say about yes or no.
struct YesNo: Equatable {
    /// `ln p(yes) - ln p(no)`.
    var logit: Double

    /// `p(yes) / (p(yes) + p(no))`.
    var score: Double { 1 / (1 + exp(-logit)) }

    /// Adds up the tokens that read "yes" or "no", in any case and with white space around: `Yes`, ` yes`, `▁YES`. Where one
    /// of both is not among the likeliest tokens, it gets the probability of the least likely of these, which it cannot
    /// exceed. Nil where neither is there.
    init?(_ tokens: [TokenProbability]) {
        var yes: [Double] = []
        var no: [Double] = []
        for token in tokens where token.logarithm > -.infinity {
            switch YesNo.word(token.token) {
            case "yes": yes.append(token.logarithm)
            case "no": no.append(token.logarithm)
            default: break
            }
        }
        guard !yes.isEmpty || !no.isEmpty, let least = tokens.map(\.logarithm).filter({ $0 > -.infinity }).min() else {
            return nil
        }
        logit = YesNo.logarithmOfSum(yes.isEmpty ? [least] : yes) - YesNo.logarithmOfSum(no.isEmpty ? [least] : no)
    }

    private static func word(_ token: String) -> String {
        String(token.filter { !$0.isWhitespace && !["▁", "Ġ", "\"", "*"].contains($0) }).lowercased()
    }

    private static func logarithmOfSum(_ logarithms: [Double]) -> Double {
        let largest = logarithms.max() ?? 0
        return largest + log(logarithms.reduce(0) { $0 + exp($1 - largest) })
    }
}
