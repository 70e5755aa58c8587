package import Inference
import OrderedJSON
package import Ranking
import Reranking
import Tokenizers

/// One damaged file, and what the library makes of its model.
package struct FuzzCase: Sendable {
    package let number: Int
    package let kind: FuzzCorpus.Kind
    package let model: FuzzCorpus.Model
    package let file: String
    package let bytes: [UInt8]
    private let textIndex: Int

    /// The same seed, number and corpus give the same case.
    package init(seed: UInt64, number: Int, corpus: FuzzCorpus, only: FuzzCorpus.Kind? = nil) {
        var random = SplitMix64(seed: seed, case: number)
        self.number = number
        kind = only ?? random.pick(FuzzCorpus.Kind.allCases)
        model = random.pick(corpus.models(of: kind))
        file = random.pick(model.names(of: kind))
        let other = random.pick(corpus.models(of: kind))
        let foreign = other.files[random.pick(other.names(of: kind))] ?? []
        var bytes = model.files[file] ?? []
        FuzzCase.mutate(&bytes, file: file, other: foreign, &random)
        self.bytes = bytes
        textIndex = random.index(FuzzCase.texts.count)
    }

    private static func mutate(
        _ bytes: inout [UInt8], file: String, other: [UInt8], _ random: inout SplitMix64
    ) {
        if file.hasSuffix(".safetensors") {
            SafetensorsMutations.mutate(&bytes, other: other, &random)
            if random.oneIn(2) { bytes = FuzzCorpus.endingOnPage(bytes) }
        } else if random.oneIn(3) {
            ByteMutations.mutate(&bytes, other: other, focus: 0..<0, &random)
        } else if let value = try? JSONValue.parse(bytes) {
            var tree = JSONTree(value)
            JSONMutations.mutate(&tree, &random)
            bytes = tree.text
        }
    }

    /// What a case may end in.
    package enum Outcome: Sendable {
        /// The damaged model loads and gives a finite score.
        case scored
        /// The model does not load.
        case refused(RankingError.Code)
        /// The model loads, and scoring throws.
        case unscored(RankingError.Code)
    }

    /// A defect of the library. Crashes cannot be caught; this is the rest.
    package struct Defect: Error, CustomStringConvertible {
        package let description: String
    }

    /// Loads and scores the damaged model, and leaves its directory intact again.
    package func run(pool: ComputePool) async throws -> Outcome {
        parseExactly()
        try model.directory.write(bytes, to: file)
        let result: Outcome
        do {
            result = try await loadAndScore(pool: pool)
        } catch {
            try model.directory.write(model.files[file] ?? [], to: file)
            throw error
        }
        try model.directory.write(model.files[file] ?? [], to: file)
        return result
    }

    /// Parses a copy in a block of exactly the file's size, where the address sanitizer sees a read behind the end;
    /// behind the end of a mapped file it does not.
    private func parseExactly() {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { block.deallocate() }
        block.copyBytes(from: bytes)
        let copy = UnsafeRawBufferPointer(block)
        if file.hasSuffix(".safetensors") {
            _ = try? SafetensorsFile.parseHeader(copy, path: file)
        } else if let value = try? JSONValue.parse(copy) {
            _ = try? JSONValue.parse(Array(value.compact.utf8))
        }
    }

    private func loadAndScore(pool: ComputePool) async throws -> Outcome {
        let reranker: Reranker
        do {
            reranker = try Reranker.load(directory: model.directory.path, pool: pool)
        } catch {
            guard error.code == .unsupportedModel else { return .refused(try FuzzCase.checked(error).code) }
            return try await loadAndEmbed(pool: pool)
        }
        do {
            let (query, document) = FuzzCase.texts[textIndex]
            let options = RerankOptions(label: reranker.model.labels == 1 ? nil : 0)
            let scores = try await reranker.scores(query, [document, ""], options: options)
            guard scores.allSatisfy(\.isFinite) else { throw Defect(description: "the scores are \(scores)") }
            return .scored
        } catch let error as RankingError {
            return .unscored(try FuzzCase.checked(error).code)
        }
    }

    private func loadAndEmbed(pool: ComputePool) async throws -> Outcome {
        let encoder: BiEncoder
        do {
            encoder = try BiEncoder.load(directory: model.directory.path, pool: pool)
        } catch {
            guard error.code == .unsupportedModel else { return .refused(try FuzzCase.checked(error).code) }
            return try await loadAndCompare(pool: pool)
        }
        do {
            let vectors = try await encoder.embed([FuzzCase.texts[textIndex].document, ""], as: .document).vectors
            guard vectors.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
                throw Defect(description: "a vector is not finite")
            }
            return .scored
        } catch let error as RankingError {
            return .unscored(try FuzzCase.checked(error).code)
        }
    }

    private func loadAndCompare(pool: ComputePool) async throws -> Outcome {
        let encoder: LateInteractionEncoder
        do {
            encoder = try LateInteractionEncoder.load(directory: model.directory.path, pool: pool)
        } catch {
            return .refused(try FuzzCase.checked(error).code)
        }
        do {
            let (query, document) = FuzzCase.texts[textIndex]
            let queries = try await encoder.encode(queries: [query])
            let documents = try await encoder.encode(documents: [document, ""])
            let scores = try encoder.maxSim(query: queries[0], documents: documents)
            guard scores.allSatisfy(\.isFinite) else { throw Defect(description: "the scores are \(scores)") }
            return .scored
        } catch let error as RankingError {
            return .unscored(try FuzzCase.checked(error).code)
        }
    }

    /// An error has to say what, why and how to go on, whatever is in the file.
    private static func checked(_ error: RankingError) throws -> RankingError {
        guard !error.what.isEmpty, !error.why.isEmpty, !error.fix.isEmpty else {
            throw Defect(description: "an error without an explanation: \(error)")
        }
        return error
    }

    private static let texts: [(query: String, document: String)] = [
        ("how do i reset my password", "Open the settings, then choose \"forgotten\"."),
        ("café 東京 [SEP] x", "e\u{301}\u{323} [MASK]   naïve\u{200D} 한국어 \u{1F600}\u{0} end"),
        ("a", String(repeating: "the same and again. ", count: 40)),
        ("\u{0}", ""),
        // What byte-level and byte-fallback tokenizers take apart, and the special tokens of all families.
        ("don't\r\n\r\n  x 12345", "\u{2581}\u{2581}it's 2024\u{5E74}<s></s><mask> <|im_end|><bos>\t\u{10FFFF}\u{85}"),
    ]
}
