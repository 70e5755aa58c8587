import CKernels
import CKernelsChecks
import Testing

@Suite("Dot products of bytes")
struct DotInt8Tests {
    @Test("every sum is exact, for any number of rows and any dimension", arguments: variants, widths)
    func exact(variant: String, dimension: Int) {
        for rows in [0, 1, 3, 4, 5, 9] { #expect(check_dot_i8(variant, rows, dimension, false, 13)) }
    }

    @Test("nothing saturates where all bytes are -128 or 127", arguments: variants, widths)
    func extremes(variant: String, dimension: Int) {
        for rows in [1, 4, 5] { #expect(check_dot_i8(variant, rows, dimension, true, 14)) }
    }

    @Test("the largest dimension does not overflow", arguments: variants)
    func largestDimension(variant: String) {
        #expect(check_dot_i8(variant, 5, Int(RESIFT_DOT_I8_MAX_DIMENSION), true, 15))
    }

    @Test("a row has the same sum alone and among others", arguments: variants, widths)
    func rowHasTheSameSumAlone(variant: String, dimension: Int) {
        #expect(check_dot_i8_row_identity(variant, 9, dimension, 16))
    }
}
