import CKernelsChecks
import Testing

@Suite("Softmax")
struct SoftmaxTests {
    @Test(
        "the exponential errs by at most 1.5 units of the last place, denormal results included",
        arguments: variants)
    func exponentialIsAccurate(variant: String) {
        #expect(check_exp(variant) <= CHECK_EXP_LIMIT)
    }

    @Test(
        "the weights match the double-precision reference, for either sign of the scale",
        arguments: variants, widths)
    func weightsMatchReference(variant: String, columns: Int) {
        for rows in 0...3 {
            #expect(check_softmax(variant, rows, columns, 0.3, 8) <= CHECK_SOFTMAX_LIMIT)
            #expect(check_softmax(variant, rows, columns, -2, 9) <= CHECK_SOFTMAX_LIMIT)
        }
    }

    @Test("-infinity has weight 0, and NaN fills its own row and no other", arguments: variants, widths)
    func specialValues(variant: String, columns: Int) {
        #expect(check_softmax_special(variant, columns))
    }

    @Test("a row has the same bits alone and inside a larger call", arguments: variants, widths)
    func rowHasTheSameBitsAlone(variant: String, columns: Int) {
        #expect(check_softmax_row_identity(variant, 5, columns, 10))
    }
}

@Suite("Layer norm")
struct LayerNormTests {
    @Test(
        "the result matches the double-precision reference, wherever residual and result are",
        arguments: variants, widths)
    func matchesReference(variant: String, columns: Int) {
        for form in 0..<Int32(check_layer_norm_form_count.rawValue) {
            for rows in 0...3 {
                let error = check_layer_norm(variant, form, rows, columns, 11)
                #expect(error <= CHECK_LAYER_NORM_LIMIT, "form \(form), rows \(rows)")
            }
        }
    }

    @Test("a row has the same bits alone and inside a larger call", arguments: variants, widths)
    func rowHasTheSameBitsAlone(variant: String, columns: Int) {
        #expect(check_layer_norm_row_identity(variant, 5, columns, 12))
    }
}

@Suite("RMS norm and rotary positions")
struct RMSNormTests {
    @Test("the norm matches the double-precision reference, in place too", arguments: variants, widths)
    func matchesReference(variant: String, columns: Int) {
        for rows in 0...3 {
            #expect(check_rms_norm(variant, rows, columns, 16) <= CHECK_RMS_NORM_LIMIT, "rows \(rows)")
        }
    }

    @Test("a row has the same bits alone and inside a larger call", arguments: variants, widths)
    func rowHasTheSameBitsAlone(variant: String, columns: Int) {
        #expect(check_rms_norm_row_identity(variant, 5, columns, 17))
    }

    @Test("a rotation matches the double-precision reference", arguments: variants, widths)
    func rotation(variant: String, half: Int) {
        for heads in 0...3 {
            #expect(check_rotate(variant, heads, half, 18) <= CHECK_ROTATE_LIMIT, "heads \(heads)")
        }
    }
}
