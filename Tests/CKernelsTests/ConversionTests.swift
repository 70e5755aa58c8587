import CKernels
import CKernelsChecks
import Testing

@Suite("Conversions")
struct ConversionTests {
    @Test("all 65,536 halves have their exact value", arguments: variants)
    func halvesAreExact(variant: String) {
        #expect(check_half_conversion(variant))
    }

    @Test("a conversion of few halves stays within its buffers", arguments: variants, [0] + widths)
    func fewHalves(variant: String, count: Int) {
        #expect(check_half_conversion_bounds(variant, count))
    }

    @Test("all 65,536 bfloat16 numbers have their exact value")
    func bfloat16IsExact() {
        #expect(check_bf16_conversion())
    }

    @Test("a byte becomes its value times the scale", arguments: [0, 256] + widths)
    func bytes(count: Int) {
        #expect(check_i8_conversion(count))
    }

    @Test("infinity and NaN are found at every place", arguments: [0, 2100] + widths)
    func finiteness(count: Int) {
        #expect(check_all_finite(count))
    }
}

@Suite("Choice of a variant")
struct VariantTests {
    @Test("the best variant comes first, the scalar one last, and each is found by its name")
    func order() {
        #expect(resift_kernels_best() == resift_kernels_at(0))
        #expect(variants.last == "scalar")
        for (index, name) in variants.enumerated() {
            #expect(resift_kernels_named(name) == resift_kernels_at(index))
        }
    }

    @Test("an unknown name or an index beyond the end has no variant")
    func unknown() {
        #expect(resift_kernels_named("abacus") == nil)
        #expect(resift_kernels_at(resift_kernels_count()) == nil)
    }
}
