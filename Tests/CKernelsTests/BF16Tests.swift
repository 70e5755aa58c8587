import CKernels
import CKernelsChecks
import Testing

/// The variants whose CPU multiplies bfloat16.
let bf16Variants = variants.filter { check_has_bf16($0) }

@Suite("bfloat16")
struct BF16Tests {
    @Test("numbers are rounded to the nearest, ties to even", arguments: variants, widths)
    func rounding(variant: String, columns: Int) {
        for seed in 0..<4 as Range<UInt64> { #expect(check_round_bf16(variant, columns, seed)) }
    }

    @Test("products agree with a double-precision sum", arguments: bf16Variants, widths)
    func product(variant: String, outputs: Int) {
        for depth in [1, 2, 33, 384] {
            for rows in [0, 1, 11, 12, 13, 29] {
                #expect(check_bf16_product(variant, rows, outputs, depth, 24) <= CHECK_BF16_LIMIT)
            }
        }
    }

    @Test("a row has the same product alone and among others", arguments: bf16Variants, widths)
    func rowIdentity(variant: String, outputs: Int) {
        #expect(check_bf16_row_identity(variant, 31, outputs, 77, 25))
    }

    @Test("attention is as exact as its weights in bfloat16, for any head width", arguments: variants, widths)
    func attention(variant: String, tokens: Int) {
        for headWidth in [2, 24, 31, 32, 64] {
            for queries in [0, 1, 29] {
                let error = check_attention_bf16(variant, queries, tokens, headWidth, 26)
                #expect(error <= CHECK_ATTENTION_BF16_LIMIT)
            }
        }
    }

    @Test("a query has the same attention alone and among others", arguments: variants, widths)
    func attentionRowIdentity(variant: String, tokens: Int) {
        #expect(check_attention_bf16_row_identity(variant, 27, tokens, 32, 27))
    }
}
