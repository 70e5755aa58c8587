// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that users never resolve benchmark dependencies.
let package = Package(
    name: "resift-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "resift", path: "..")],
    targets: [
        .executableTarget(name: "ResiftBench", dependencies: [.product(name: "Resift", package: "resift")])
    ],
    swiftLanguageModes: [.v6]
)
