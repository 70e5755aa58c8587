import Foundation
import Testing

/// The rules of CONTRIBUTING.md and ARCHITECTURE.md that a machine can check.
@Suite("The tree keeps its own rules")
struct ConventionsTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func files(_ folder: String, _ suffixes: [String]) throws -> [(path: String, text: String)] {
        let base = Self.root.appendingPathComponent(folder)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: base.path)
        return try paths.filter { path in suffixes.contains { path.hasSuffix($0) } }.map {
            (folder + "/" + $0, try String(contentsOf: base.appendingPathComponent($0), encoding: .utf8))
        }
    }

    @Test(
        "nothing in Sources can crash on purpose or by a forced unwrap",
        arguments: ["try!", "as!", "fatalError(", "]!", ".first!", ".last!"])
    func noCrashes(word: String) throws {
        let offenders = try files("Sources", [".swift"]).filter { $0.text.contains(word) }.map(\.path)
        #expect(offenders == [])
    }

    @Test("only three files import CKernels")
    func oneDoorToC() throws {
        let importers = try files("Sources", [".swift"]).filter { $0.text.contains("import CKernels") }.map(\.path)
        #expect(
            importers.sorted() == [
                "Sources/Inference/Kernels+MaxSim.swift", "Sources/Inference/Kernels+TokenVectors.swift",
                "Sources/Inference/Kernels.swift",
            ])
    }

    @Test("@unchecked Sendable appears in two files")
    func uncheckedSendable() throws {
        let users = try files("Sources", [".swift"]).filter { $0.text.contains("@unchecked Sendable {") }.map(\.path)
        #expect(users.sorted() == ["Sources/Inference/ComputePool.swift", "Sources/Inference/Weights/Memory.swift"])
    }

    @Test("no source file is longer than 500 lines, generated tables excepted")
    func length() throws {
        let long = try files("Sources", [".swift", ".c", ".h"]).filter {
            $0.text.split(separator: "\n", omittingEmptySubsequences: false).count > 501
                && !$0.text.contains("do not edit")
        }
        #expect(long.map(\.path) == [])
    }

    @Test(
        "no build flag makes the package unusable as a dependency or removes NaN checks",
        arguments: ["unsafeFlags", "-ffast-math"])
    func flags(word: String) throws {
        let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
        #expect(!manifest.contains(word))
    }

    @Test(
        "every relative link in the documents resolves",
        arguments: [
            "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Deploy/README.md",
            "Documentation/caching.md",
            "Documentation/serving.md",
        ])
    func links(document: String) throws {
        let file = Self.root.appendingPathComponent(document)
        let text = try String(contentsOf: file, encoding: .utf8)
        for match in text.matches(of: /\]\(([^)#]+)\)/) where !match.1.hasPrefix("http") {
            let target = file.deletingLastPathComponent().appendingPathComponent(String(match.1)).path
            #expect(FileManager.default.fileExists(atPath: target), "\(match.1)")
        }
    }

    @Test("the README's Swift is the example that is built")
    func readmeExample() throws {
        let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
        let example = try String(
            contentsOf: Self.root.appendingPathComponent("Examples/Quickstart/main.swift"), encoding: .utf8)
        #expect(readme.contains("```swift\n\(example)```"))
    }
}
