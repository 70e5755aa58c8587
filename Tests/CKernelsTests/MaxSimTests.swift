import CKernels
import CKernelsChecks
import Testing

@Suite("MaxSim")
struct MaxSimTests {
    private static let dimensions = [1, 4, 48, 64, 96, 127, 128, 384]

    @Test("scores agree with double precision, and negative ones stay negative", arguments: variants, widths)
    func single(variant: String, queryTokens: Int) {
        for dimension in Self.dimensions {
            for negative in [false, true] {
                #expect(check_max_sim(variant, queryTokens, dimension, negative, 31) <= CHECK_MAX_SIM_LIMIT)
            }
        }
        #expect(check_max_sim_identity(variant, queryTokens, 96, 32))
    }

    @Test("scores of bytes are those of the numbers that the bytes stand for", arguments: int8Ways, widths)
    func bytes(way: Int, queryTokens: Int) {
        for dimension in Self.dimensions {
            for negative in [false, true] {
                #expect(check_max_sim_int8(way, queryTokens, dimension, negative, 33) <= CHECK_MAX_SIM_LIMIT)
            }
        }
        #expect(check_max_sim_int8_identity(way, queryTokens, 96, 34))
    }

    @Test(
        "scores of bfloat16 are those of the numbers it stands for", arguments: variants.filter { check_has_bf16($0) },
        widths)
    func halves(variant: String, queryTokens: Int) {
        for dimension in Self.dimensions {
            for negative in [false, true] {
                #expect(check_max_sim_bf16(variant, queryTokens, dimension, negative, 35) <= CHECK_MAX_SIM_LIMIT)
            }
        }
        #expect(check_max_sim_bf16_identity(variant, queryTokens, 96, 36))
    }
}
