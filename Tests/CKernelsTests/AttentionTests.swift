import CKernelsChecks
import Testing

@Suite("Attention")
struct AttentionTests {
    @Test("one head matches the double-precision reference", arguments: variants, widths)
    func matchesReference(variant: String, tokens: Int) {
        for headWidth in [1, 24, 32, 64] {
            for queries in [0, 1, 15] {
                let error = check_attention(variant, queries, tokens, headWidth, 13)
                #expect(error <= CHECK_ATTENTION_LIMIT, "head width \(headWidth), queries \(queries)")
            }
        }
    }

    @Test(
        "many blocks of queries, and blocks of the fewest rows, give the same as one",
        arguments: variants, [(130, 64), (40, 2600)])
    func blocksOfQueries(variant: String, shape: (queries: Int, tokens: Int)) {
        #expect(check_attention(variant, shape.queries, shape.tokens, 8, 14) <= CHECK_ATTENTION_LIMIT)
    }

    @Test("a query has the same bits alone and among others", arguments: variants, widths)
    func queryHasTheSameBitsAlone(variant: String, tokens: Int) {
        #expect(check_attention_row_identity(variant, 16, tokens, 32, 15))
    }
}
