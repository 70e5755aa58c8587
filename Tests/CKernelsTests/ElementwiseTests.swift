import CKernelsChecks
import Testing

@Suite("Element-wise kernels")
struct ElementwiseTests {
    static let ranges = [(-0.01, 0.01), (-6.0, 6.0), (-20.0, 20.0), (-1000.0, 1000.0)]

    @Test("gelu is within its limit of x/2 (1 + erf(x / sqrt 2))", arguments: variants, ranges)
    func geluMatchesReference(variant: String, range: (low: Double, high: Double)) {
        #expect(check_gelu(variant, range.low, range.high, 40_001) <= CHECK_GELU_LIMIT)
    }

    @Test("gelu_tanh is within its limit of the tanh formula", arguments: variants, ranges)
    func geluTanhMatchesReference(variant: String, range: (low: Double, high: Double)) {
        #expect(check_gelu_tanh(variant, range.low, range.high, 40_001) <= CHECK_GELU_LIMIT)
    }

    @Test("silu is within its limit of x / (1 + e^-x)", arguments: variants, ranges)
    func siluMatchesReference(variant: String, range: (low: Double, high: Double)) {
        #expect(check_silu(variant, range.low, range.high, 40_001) <= CHECK_SILU_LIMIT)
    }

    @Test("gelu and silu keep NaN, have the limits x and 0 at the infinities, and x/2 at 0", arguments: variants)
    func geluIsRightAtExtremes(variant: String) {
        #expect(check_gelu_extremes(variant))
    }

    @Test(
        "a number has the same gelu and silu alone and inside an array, and add and multiply are exact",
        arguments: variants, widths)
    func elementDoesNotDependOnItsPlace(variant: String, count: Int) {
        #expect(check_elementwise_identity(variant, count, 6))
    }

    @Test("no elements are no work", arguments: variants)
    func emptyArrays(variant: String) {
        #expect(check_elementwise_identity(variant, 0, 7))
    }
}
