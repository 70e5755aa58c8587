import CKernels
import CKernelsChecks
import Testing

@Suite("Matrix product")
struct MatmulTests {
    @Test(
        "the product is as near to the double-precision reference as its k + 1 roundings allow",
        arguments: variants, widths)
    func productMatchesReference(variant: String, n: Int) {
        for m in [0, 1, 5, 6, 7, 13, 14, 15, 29] {
            for k in [0, 1, 33, 384, 385] {
                let error = check_matmul(variant, m, n, k, 1)
                #expect(error <= check_matmul_limit(k), "m \(m), k \(k)")
            }
        }
    }

    @Test("the inner width may be anything", arguments: variants, widths)
    func innerWidthMayBeAnything(variant: String, k: Int) {
        #expect(check_matmul(variant, 20, 40, k, 2) <= check_matmul_limit(k))
    }

    @Test("a row of the product has the same bits alone and inside a larger call", arguments: variants, widths)
    func rowHasTheSameBitsAlone(variant: String, n: Int) {
        #expect(check_matmul_row_identity(variant, 31, n, 70, 3))
    }

    @Test("a row has the same bits alone when the sum over K pauses in memory", arguments: variants, [767, 1536])
    func rowHasTheSameBitsAcrossBlocksOfDepth(variant: String, k: Int) {
        #expect(check_matmul_row_identity(variant, 17, 40, k, 4))
    }

    @Test("both ways of packing put every number where the product expects it", arguments: variants, widths)
    func packingIsTheSameFromBothLayouts(variant: String, n: Int) {
        for k in [0, 1, 33, 384] {
            #expect(check_packing(variant, n, k, 5), "k \(k)")
        }
    }
}
