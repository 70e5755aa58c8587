import CKernels
import CKernelsChecks
import Testing

/// Every way to multiply bytes that this machine has.
let int8Ways = 0..<Int(resift_int8_count())

@Suite("Products of bytes")
struct Int8Tests {
    @Test("sums are exact, and nothing saturates where all bytes are extreme", arguments: int8Ways, widths)
    func exact(way: Int, outputs: Int) {
        for depth in [1, 4, 33, 384, 1_030] {
            for rows in [0, 1, 5, 6, 7, 13] {
                for extreme in [false, true] {
                    #expect(check_int8_product(way, rows, outputs, depth, extreme, 17) <= CHECK_INT8_LIMIT)
                }
            }
        }
    }

    @Test("the widest row does not overflow", arguments: int8Ways)
    func widest(way: Int) {
        #expect(check_int8_product(way, 2, 3, Int(RESIFT_INT8_MAX_WIDTH), true, 18) <= CHECK_INT8_LIMIT)
    }

    @Test("a row has the same product alone and among others", arguments: int8Ways, widths)
    func rowIdentity(way: Int, outputs: Int) {
        #expect(check_int8_row_identity(way, 15, outputs, 77, 19))
    }

    @Test(
        "rows become the same bytes in every variant, off by at most a step; NaN and infinity poison their row alone",
        arguments: variants, widths)
    func quantize(variant: String, columns: Int) {
        for amplitude in [1e-20, 0.01, 3, 1e6, 1e30] as [Float] {
            for seed in [20, 21] as [UInt64] { #expect(check_quantize(variant, 5, columns, amplitude, seed)) }
        }
    }

    @Test("the GELU before the rounding to bytes is within 5e-5 max(1, |x|)", arguments: variants, widths)
    func gelu(variant: String, columns: Int) {
        for tanhForm in [false, true] {
            for amplitude in [1, 4, 16, 256] as [Float] {
                let error = check_gelu_quantize(variant, tanhForm, 3, columns, amplitude, 22)
                #expect(error <= RESIFT_QUICK_GELU_ERROR)
            }
        }
    }

    @Test("weights become the nearest integers, up to 127", arguments: widths)
    func weights(count: Int) { #expect(check_quantize_weights(count, 23)) }
}
