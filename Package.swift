// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "resift",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Resift", targets: ["Resift"]),
        .executable(name: "resift", targets: ["ResiftCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(name: "CKernels"),
        .target(name: "OrderedJSON", swiftSettings: strict),
        .target(name: "Ranking", dependencies: ["OrderedJSON"], swiftSettings: strict),
        .target(name: "Tokenizers", dependencies: ["OrderedJSON", "Ranking"], swiftSettings: strict),
        .target(name: "Inference", dependencies: ["CKernels", "OrderedJSON", "Ranking"], swiftSettings: strict),
        .target(
            name: "Reranking", dependencies: ["Inference", "OrderedJSON", "Ranking", "Tokenizers"],
            swiftSettings: strict),
        .target(name: "Retrieval", dependencies: ["Ranking"], swiftSettings: strict),
        .target(
            name: "Resift", dependencies: ["OrderedJSON", "Ranking", "Reranking"],
            resources: [.copy("Resources/default-model")], swiftSettings: strict),
        .executableTarget(
            name: "ResiftCLI",
            dependencies: ["Resift", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .target(name: "CKernelsChecks", dependencies: ["CKernels"], path: "Tests/CKernelsChecks"),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["Inference", "OrderedJSON", "Ranking", "Reranking", "Resift", "Tokenizers"],
            swiftSettings: strict),
        .testTarget(
            name: "RetrievalTests", dependencies: ["OrderedJSON", "Ranking", "Retrieval"], swiftSettings: strict),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "CKernelsChecks"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
