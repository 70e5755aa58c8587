import CKernels
import CKernelsChecks
import Testing

@Suite("Stored token vectors")
struct TokenVectorTests {
    @Test("singles round to the nearest half, ties to even")
    func halves() {
        #expect(check_half_narrowing())
    }

    @Test("codes are numbers of bounds below, and vectors are centroids and levels of unit length", arguments: widths)
    func residuals(count: Int) {
        for bits in [2, 4] as [UInt32] { #expect(check_residuals(count, bits, UInt64(count))) }
    }

    @Test("the largest product of a row is found with its place", arguments: widths)
    func bestColumns(count: Int) {
        #expect(check_best_columns(count, UInt64(count)))
    }

    @Test("MaxSim over centroids is the sum of the largest similarities", arguments: 1...4)
    func centroids(blocks: Int) {
        #expect(check_centroid_max_sim(blocks * Int(RESIFT_CENTROID_LANES), UInt64(blocks)))
    }
}
