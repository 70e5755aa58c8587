public import Ranking
public import Reranking
public import Retrieval
import Tokenizers

/// Documents, one after the other.
public protocol DocumentSource {
    /// Nil after the last one. Throws RankingError where the input is broken.
    mutating func next() throws -> IndexDocument?
    /// Where the last document came from, for messages: "corpus.jsonl, line 17".
    var position: String { get }
    /// The share of the input that was read, 0 ... 1; nil where that is not known.
    var progress: Double? { get }
}

/// What happens to a document whose id the index has already.
public enum ExistingDocuments: String, CaseIterable, Sendable {
    /// The command stops, and changes nothing.
    case refuse
    /// The one in the index stays.
    case skip
    /// The new one replaces it.
    case update
}

/// How far a long job on an index is.
public struct IndexingProgress: Sendable {
    public enum Phase: String, Sendable {
        case reading
        case finishing
    }
    public var phase: Phase
    public var documents: Int
    /// 0 ... 1; nil where it is not known.
    public var share: Double?
}

/// What a job on an index did.
public struct IndexingReport: Sendable, Equatable {
    /// Documents that were added, those of an interrupted build that was resumed included.
    public var added = 0
    /// Of these, what an earlier, interrupted build had added.
    public var resumed = 0
    public var updated = 0
    public var skipped = 0
    public var passages = 0
    /// Passages that were too long for the embedder, which saw only their beginning.
    public var truncatedPassages = 0
    /// The same for the late-interaction model.
    public var truncatedTokenPassages = 0
    public var milliseconds = 0.0
}

/// Puts documents into an index: splits them into passages, embeds these, and adds them.
public struct Indexer: Sendable {
    /// Passages that are embedded, and documents that are split, at once.
    private static let batch = 256
    /// Documents between two commits of a build: without vectors a few seconds' work, with them a few minutes'.
    private static let checkpointWithoutVectors = 250_000
    private static let checkpointWithVectors = 4_096

    public let settings: IndexSettings
    private let splitter: PassageChunker?
    private let embedder: BiEncoder?
    private let tokenEncoder: LateInteractionEncoder?
    public var progress: @Sendable (IndexingProgress) -> Void
    /// Documents between two commits of a build.
    package var checkpointInterval: Int

    /// For a new index, or one that was opened with these settings.
    ///
    /// Tokens of passages are counted by the embedder's tokenizer; without one by that of the late-interaction model, and
    /// without that by that of the model inside the package.
    ///
    /// - Parameters:
    ///   - embedder: The model of `settings.embedder`.
    ///   - tokenEncoder: The model of `settings.lateInteraction`.
    ///
    /// Throws `invalidInput` where the settings and the models do not belong together.
    public init(
        settings: IndexSettings, embedder: BiEncoder?, tokenEncoder: LateInteractionEncoder? = nil,
        progress: @escaping @Sendable (IndexingProgress) -> Void = { _ in }
    ) throws(RankingError) {
        if let description = settings.embedder, embedder == nil {
            throw RankingError(
                .invalidInput, what: "The index has vectors, and no embedding model was named.",
                why: "Every passage of it has a vector of \(description.directory).",
                fix: "Name that model with --embedder.")
        }
        if let description = settings.lateInteraction?.model, tokenEncoder == nil {
            throw RankingError(
                .invalidInput, what: "The index has token vectors, and no late-interaction model was named.",
                why: "Every passage of it has token vectors of \(description.directory).",
                fix: "Name that model with --late-interaction.")
        }
        self.settings = settings
        if let passageTokens = settings.passageTokens {
            let tokenizer: Tokenizer
            if let own = embedder?.tokenizer ?? tokenEncoder?.tokenizer {
                tokenizer = own
            } else {
                tokenizer = try DefaultModel.tokenizer()
            }
            splitter = try PassageChunker(
                tokenizer: tokenizer, passageTokens: passageTokens, overlapTokens: settings.overlapTokens)
        } else {
            splitter = nil
        }
        self.embedder = settings.embedder == nil ? nil : embedder
        self.tokenEncoder = settings.lateInteraction == nil ? nil : tokenEncoder
        self.progress = progress
        checkpointInterval =
            self.embedder == nil && self.tokenEncoder == nil
            ? Indexer.checkpointWithoutVectors : Indexer.checkpointWithVectors
    }

    /// Builds an index at a path, or goes on with a build that was interrupted there.
    ///
    /// - Parameter input: What the source reads, with sizes and times of change: a build of another input begins anew.
    ///
    /// Throws RankingError, and CancellationError. What was committed until then stays in `PATH.building` for the next
    /// attempt; an index that was at the path is untouched.
    public func build(
        _ source: inout some DocumentSource, input: String, to path: String, replacing: Bool
    ) async throws -> IndexingReport {
        let clock = ContinuousClock()
        let begin = clock.now
        let build = try IndexBuild(path: path, settings: settings, input: input, replacing: replacing)
        var report = IndexingReport(resumed: build.resumedDocuments)
        var sinceCheckpoint = 0
        while true {
            let documents = try read(&source) { document throws(RankingError) in
                try !build.isCommitted(id: document.id)
            }
            if documents.isEmpty { break }
            for entry in try await entries(documents, &report) {
                try located(entry.document.id, documents) { () throws(RankingError) in try build.writer.add(entry) }
                report.passages += entry.passages.count
            }
            report.added += documents.count
            sinceCheckpoint += documents.count
            if sinceCheckpoint >= checkpointInterval {
                try build.checkpoint()
                sinceCheckpoint = 0
            }
            progress(
                IndexingProgress(
                    phase: .reading, documents: report.added + report.resumed, share: source.progress))
        }
        report.added += report.resumed
        guard report.added > 0 else {
            throw RankingError(
                .invalidInput, what: "The corpus has no documents.", why: "It is empty, or all of it is blank.",
                fix: "Name the files that hold the documents.")
        }
        try build.finish(pool: tokenEncoder?.pool ?? .shared) { share in
            progress(IndexingProgress(phase: .finishing, documents: report.added, share: share))
        }
        report.milliseconds = (clock.now - begin).milliseconds
        return report
    }

    /// Adds documents to an index, all or, where it throws, none.
    public func add(
        _ source: inout some DocumentSource, to path: String, existing: ExistingDocuments
    ) async throws -> IndexingReport {
        let clock = ContinuousClock()
        let begin = clock.now
        let writer = try IndexWriter.open(path: path)
        guard writer.settings == settings else {
            throw RankingError(
                .invalidInput, what: "\(path) has other settings.", why: "It was built anew in the meantime.",
                fix: "Open it again.")
        }
        var report = IndexingReport()
        try writer.begin()
        do {
            while true {
                var skipped = 0
                // Of documents that are not in the index yet.
                var waiting: Set<[UInt8]> = []
                let documents = try read(&source) { document throws(RankingError) in
                    guard existing == .skip else { return true }
                    if try !writer.contains(id: document.id), waiting.insert(Array(document.id.utf8)).inserted {
                        return true
                    }
                    skipped += 1
                    return false
                }
                report.skipped += skipped
                if documents.isEmpty { break }
                for entry in try await entries(documents, &report) {
                    try located(entry.document.id, documents) { () throws(RankingError) in
                        if existing == .update, try writer.delete(id: entry.document.id) { report.updated += 1 }
                        try writer.add(entry)
                    }
                    report.passages += entry.passages.count
                    report.added += 1
                }
                progress(IndexingProgress(phase: .reading, documents: report.added, share: source.progress))
            }
            try writer.commit()
        } catch {
            try writer.rollback()
            throw error
        }
        report.added -= report.updated
        report.milliseconds = (clock.now - begin).milliseconds
        return report
    }

    private struct Located {
        var document: IndexDocument
        var position: String
    }

    /// The next documents that are wanted; empty at the end of the source.
    private func read(
        _ source: inout some DocumentSource, isWanted: (IndexDocument) throws -> Bool
    ) throws -> [Located] {
        try Task.checkCancellation()
        var documents: [Located] = []
        while documents.count < Indexer.batch, let document = try source.next() {
            if try isWanted(document) { documents.append(Located(document: document, position: source.position)) }
        }
        return documents
    }

    private func entries(_ documents: [Located], _ report: inout IndexingReport) async throws -> [IndexEntry] {
        var entries: [IndexEntry] = []
        for located in documents {
            let document = located.document
            entries.append(
                IndexEntry(
                    document, passages: splitter?.passages(title: document.title, text: document.text).ranges))
        }
        guard embedder != nil || tokenEncoder != nil else { return entries }
        let texts = entries.flatMap { entry in entry.passages.map(entry.document.passageText) }
        if let embedder {
            let embedded = try await embedder.indexVectors(of: texts, as: .document)
            report.truncatedPassages += embedded.truncatedTexts
            var rest = embedded.vectors[...]
            for place in entries.indices {
                entries[place].vectors = Array(rest.prefix(entries[place].passages.count))
                rest = rest.dropFirst(entries[place].passages.count)
            }
        }
        if let tokenEncoder, let settings = settings.lateInteraction {
            let encoded = try await tokenEncoder.encode(documents: texts)
            report.truncatedTokenPassages += encoded.count { $0.droppedTokens > 0 }
            var rest = try await tokenEncoder.pooled(encoded.map(\.values), settings.pooling)[...]
            for place in entries.indices {
                entries[place].tokenVectors = Array(rest.prefix(entries[place].passages.count))
                rest = rest.dropFirst(entries[place].passages.count)
            }
        }
        return entries
    }

    /// Says where the document came from in an error about it.
    private func located(
        _ id: String, _ documents: [Located], _ body: () throws(RankingError) -> Void
    ) throws(RankingError) {
        do throws(RankingError) {
            try body()
        } catch {
            var error = error
            if error.code == .invalidInput, let found = documents.last(where: { $0.document.id == id }) {
                error.what = "\(found.position): \(error.what)"
            }
            throw error
        }
    }
}

extension IndexSettings {
    /// The vector by which `EmbedderDescription` recognises a model.
    public static func describe(_ embedder: BiEncoder, directory: String) async throws -> EmbedderDescription {
        let probe = try await embedder.indexVectors(of: [EmbedderDescription.probeText], as: .document).vectors[0]
        return EmbedderDescription(directory: directory, dimension: probe.count, probe: probe)
    }

    /// The sum of the token vectors by which `TokenVectorSettings` recognises a model.
    public static func describe(
        _ encoder: LateInteractionEncoder, directory: String
    ) async throws -> EmbedderDescription {
        let vectors = try await encoder.encode(documents: [EmbedderDescription.probeText])[0]
        var sum = [Float](repeating: 0, count: vectors.dimension)
        for (place, value) in vectors.values.enumerated() { sum[place % vectors.dimension] += value }
        return EmbedderDescription(directory: directory, dimension: vectors.dimension, probe: sum)
    }
}

extension LateInteractionEncoder {
    /// The vectors of each passage, pooled, on the threads of the encoder's pool.
    fileprivate func pooled(_ passages: [[Float]], _ pooling: TokenPooling) async throws -> [[Float]] {
        guard pooling.factor > 1 else { return passages }
        let dimension = description.dimension
        return try await pool.run { lane in
            var pooled = passages
            pooled.withUnsafeMutableBufferPointer { pooled in
                let slots = pooled
                lane.parallelFor(slots.count) { place, _ in
                    if !lane.isCancelled { slots[place] = pooling.pooled(slots[place], dimension: dimension) }
                }
            }
            if lane.isCancelled { throw CancellationError() }
            return pooled
        }
    }
}

extension BiEncoder {
    /// Vectors whose dot product is the model's similarity: of unit length where that is the cosine.
    func indexVectors(of texts: [String], as role: Role) async throws -> Embeddings {
        try await embed(texts, as: role, normalized: similarity == .cosine ? true : nil)
    }
}
