import Inference
import Synchronization
import Tokenizers

/// What the sequences of one query begin with in common, computed once by a causal model: its prompt and the query.
///
/// Found by comparing token ids, so that it needs no agreement with the prompt. Never changes a score.
final class SharedPrefix: Sendable {
    private struct State {
        var tokenIDs: [Int32] = []
        var cache: KeyValueCache?
    }

    /// A shorter one costs more than it saves.
    private static let fewestTokens = 8
    private let state = Mutex(State())

    /// The keys and values of a prefix that all these pairs go on from, or nil where there is none worth it. Throws
    /// CancellationError where the deadline came first.
    func cache(
        for pairs: [EncodedPair], _ encoder: CrossEncoder, until deadline: ContinuousClock.Instant? = nil
    ) async throws -> KeyValueCache? {
        guard let model = encoder.prefixSharing else { return nil }
        let known = state.withLock { $0 }
        // At least one token of each pair is left to be computed.
        if let cache = known.cache {
            let common = SharedPrefix.common(known.tokenIDs[...], pairs)
            if common >= SharedPrefix.fewestTokens { return KeyValueCache(first: common, of: cache) }
        }
        guard pairs.count > 1, let first = pairs.first else { return nil }
        let common = SharedPrefix.common(first.tokenIDs[...], pairs)
        guard common >= SharedPrefix.fewestTokens else { return nil }
        let prefix = Array(first.tokenIDs.prefix(common))
        let cache = try await encoder.pool.run(until: deadline) { lane in try model.cache(of: prefix, on: lane) }
        state.withLock { $0 = State(tokenIDs: prefix, cache: cache) }
        return cache
    }

    private static func common(_ prefix: ArraySlice<Int32>, _ pairs: [EncodedPair]) -> Int {
        pairs.reduce(prefix.count) { count, pair in
            zip(prefix.prefix(count), pair.tokenIDs.dropLast()).prefix { $0 == $1 }.count
        }
    }
}
