import Inference
import Ranking
import Testing

@Suite("Kernel variants")
struct KernelsTests {
    @Test("an unknown name is an error that lists the variants of this machine", arguments: ["avx1024", "", "AVX2"])
    func unknownName(name: String) async {
        await expectError(
            .invalidInput, "no kernels called \"\(name)\"", "one of " + Kernels.available.joined(separator: ", ")
        ) { try Kernels.named(name) }
    }

    @Test("every listed variant can be had by its name", arguments: Kernels.available)
    func named(name: String) throws {
        #expect(try Kernels.named(name).name == name)
    }

    @Test("the plain C variant is always there, as the last choice")
    func scalar() { #expect(Kernels.available.last == "scalar") }
}
