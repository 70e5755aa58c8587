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
        .library(name: "ResiftEvaluation", targets: ["Evaluation"]),
        .library(name: "ResiftServer", targets: ["ResiftServer"]),
        .executable(name: "resift", targets: ["ResiftCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["JSON", "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(name: "CKernels"),
        .target(name: "OrderedJSON", swiftSettings: strict),
        .target(name: "Ranking", dependencies: ["OrderedJSON"], swiftSettings: strict),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLibxml2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev", "pkg-config"])]),
        .target(name: "TextFiles", dependencies: ["CZlib", "Ranking"], swiftSettings: strict),
        .target(name: "Tokenizers", dependencies: ["OrderedJSON", "Ranking"], swiftSettings: strict),
        .target(
            name: "Inference",
            dependencies: ["CKernels", "OrderedJSON", "Ranking", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "Reranking",
            dependencies: [
                "Inference", "OrderedJSON", "Ranking", "Tokenizers",
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .target(
            name: "Retrieval",
            dependencies: ["Inference", "OrderedJSON", "Ranking", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "ScoreCaches",
            dependencies: [
                "Inference", "Ranking", "Reranking", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .target(
            name: "Outbound",
            dependencies: ["Ranking", .product(name: "AsyncHTTPClient", package: "async-http-client")],
            swiftSettings: strict),
        .target(
            name: "Hub",
            dependencies: [
                "OrderedJSON", "Outbound", "Ranking", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: strict),
        .target(
            name: "RemoteRerankers",
            dependencies: [
                "OrderedJSON", "Outbound", "Ranking", "Reranking",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: strict),
        .target(
            name: "Resift",
            dependencies: [
                "CLibxml2", "Evaluation", "Hub", "Inference", "OrderedJSON", "Outbound", "Ranking", "Reranking",
                "Retrieval", "RemoteRerankers", "ScoreCaches", "TextFiles", "Tokenizers",
                .product(name: "Yams", package: "Yams"),
            ],
            resources: [.copy("Resources/default-model")], swiftSettings: strict),
        .target(name: "Evaluation", dependencies: ["OrderedJSON", "Ranking", "TextFiles"], swiftSettings: strict),
        .target(
            name: "ResiftServer",
            dependencies: [
                "Inference", "OrderedJSON", "Ranking", "Reranking", "Resift", "Retrieval", "ScoreCaches", "TextFiles",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            resources: [.copy("Resources/openapi.json"), .copy("Resources/playground.html")], swiftSettings: strict),
        .executableTarget(
            name: "ResiftCLI",
            dependencies: [
                "Evaluation", "Resift", "ResiftServer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "Quickstart", dependencies: ["Resift"], path: "Examples/Quickstart", swiftSettings: strict),
        .testTarget(name: "ConventionsTests", swiftSettings: strict),
        .testTarget(
            name: "EvaluationTests",
            dependencies: ["Evaluation", "OrderedJSON", "Ranking", "TestSupport", "TextFiles"],
            swiftSettings: strict),
        .target(name: "CKernelsChecks", dependencies: ["CKernels"], path: "Tests/CKernelsChecks"),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["Inference", "OrderedJSON", "Ranking", "Reranking", "Resift", "TestSupport", "Tokenizers"],
            swiftSettings: strict),
        .target(
            name: "FuzzMutations", dependencies: ["Inference", "OrderedJSON", "Ranking", "Reranking", "Tokenizers"],
            path: "Tools/fuzz/Mutations", swiftSettings: strict),
        .executableTarget(
            name: "ResiftFuzz",
            dependencies: [
                "FuzzMutations", "Inference", "Ranking",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tools/fuzz", exclude: ["Mutations"], swiftSettings: strict),
        .testTarget(
            name: "InferenceTests",
            dependencies: ["FuzzMutations", "Inference", "OrderedJSON", "Ranking", "Reranking", "Tokenizers"],
            swiftSettings: strict),
        .testTarget(
            name: "RetrievalTests",
            dependencies: [
                "Inference", "OrderedJSON", "Ranking", "Retrieval", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "CKernelsChecks"], swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["CZlib", "Inference", "OrderedJSON"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(
            name: "OrderedJSONTests", dependencies: ["OrderedJSON", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "RankingTests", dependencies: ["OrderedJSON", "Ranking", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TokenizersTests",
            dependencies: ["Inference", "OrderedJSON", "Ranking", "TestSupport", "Tokenizers"],
            swiftSettings: strict),
        .target(
            name: "HubServer",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/HubServer", swiftSettings: strict),
        .testTarget(
            name: "HubTests",
            dependencies: ["Hub", "HubServer", "Outbound", "Ranking", "ScriptedServer", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "OutboundTests",
            dependencies: [
                "Outbound", "Ranking", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ], swiftSettings: strict),
        .target(
            name: "ScriptedServer",
            dependencies: [
                "OrderedJSON", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/ScriptedServer", swiftSettings: strict),
        .testTarget(
            name: "RemoteRerankersTests",
            dependencies: [
                "OrderedJSON", "Outbound", "Ranking", "RemoteRerankers", "Reranking", "ScriptedServer", "TestSupport",
                "TextFiles",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "RerankingTests",
            dependencies: ["Inference", "OrderedJSON", "Ranking", "Reranking", "TestSupport", "Tokenizers"],
            swiftSettings: strict),
        .executableTarget(
            name: "ScoreCacheWriter",
            dependencies: ["Reranking", "ScoreCaches", .product(name: "Crypto", package: "swift-crypto")],
            path: "Tests/ScoreCacheWriter", swiftSettings: strict),
        .testTarget(
            name: "ScoreCachesTests",
            dependencies: [
                "Inference", "Ranking", "Reranking", "ScoreCacheWriter", "ScoreCaches", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ResiftTests",
            dependencies: [
                "Inference", "OrderedJSON", "Ranking", "Reranking", "Resift", "Retrieval", "TestSupport", "TextFiles",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ResiftCLITests",
            dependencies: [
                "FuzzMutations", "HubServer", "Inference", "OrderedJSON", "Ranking", "Reranking", "Resift", "ResiftCLI",
                "ScriptedServer", "TestSupport",
            ],
            exclude: ["Snapshots"], swiftSettings: strict),
        .testTarget(
            name: "ResiftServerTests",
            dependencies: [
                "Inference", "OrderedJSON", "Outbound", "Ranking", "RemoteRerankers", "Reranking", "Resift",
                "ResiftServer",
                "ScoreCaches",
                "ScriptedServer", "TestSupport",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
