import Ranking
import Testing

@Suite("Errors say what, why and how to fix it")
struct RankingErrorTests {
    @Test("an error prints as three lines")
    func description() {
        let error = RankingError(
            .corruptFile, what: "hidden_size is 384 but query.weight is [768, 768].",
            why: "config.json and model.safetensors disagree.", fix: "Download both from the same revision.")
        let expected = """
            hidden_size is 384 but query.weight is [768, 768].
              why: config.json and model.safetensors disagree.
              fix: Download both from the same revision.
            """
        #expect("\(error)" == expected)
        #expect(error.cause == nil)
    }

    @Test("codes and score kinds have one name each, in snake case")
    func names() {
        let codes = RankingError.Code.allCases.map(\.rawValue)
        #expect(
            codes == [
                "invalid_input", "not_found", "unsupported_model", "corrupt_file", "non_finite_score", "busy",
                "storage", "unreachable", "access_denied", "unexpected_answer", "nothing_to_search", "quality_too_low",
                "overloaded",
            ])
        #expect(
            ScoreKind.allCases.map(\.rawValue) == [
                "logit", "normalized_relevance", "calibrated_probability", "max_sim", "rank", "rrf", "unscored",
            ])
    }
}
