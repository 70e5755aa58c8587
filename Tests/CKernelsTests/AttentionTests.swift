import CKernelsChecks
import Testing

@Suite("Attention")
struct AttentionTests {
    static let forms = 0..<Int32(check_attention_form_count.rawValue)

    /// Only where a query sees every key may there be more queries than keys.
    static func queries(_ form: Int32, _ queries: Int, _ tokens: Int) -> Int {
        form == Int32(check_attention_plain.rawValue) ? queries : min(queries, tokens)
    }

    @Test(
        "matches the double-precision reference: plain, with relative positions, causal, in a window",
        arguments: variants, widths)
    func matchesReference(variant: String, tokens: Int) {
        for form in Self.forms {
            for headWidth in [1, 24, 32, 64] {
                for queries in [0, 1, 15] {
                    let queries = Self.queries(form, queries, tokens)
                    let error = check_attention(variant, form, queries, tokens, headWidth, 13)
                    #expect(error <= CHECK_ATTENTION_LIMIT, "form \(form), head width \(headWidth), queries \(queries)")
                }
            }
        }
    }

    @Test(
        "many blocks of queries, and blocks of the fewest rows, give the same as one",
        arguments: variants, [(130, 64), (40, 2600)])
    func blocksOfQueries(variant: String, shape: (queries: Int, tokens: Int)) {
        for form in Self.forms {
            let queries = Self.queries(form, shape.queries, shape.tokens)
            #expect(check_attention(variant, form, queries, shape.tokens, 8, 14) <= CHECK_ATTENTION_LIMIT)
        }
    }

    @Test("a query has the same bits alone and among others", arguments: variants, widths)
    func queryHasTheSameBitsAlone(variant: String, tokens: Int) {
        for form in Self.forms {
            #expect(check_attention_row_identity(variant, form, Self.queries(form, 16, tokens), tokens, 32, 15))
        }
    }
}
