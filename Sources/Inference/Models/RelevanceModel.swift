/// A model that reads a query and a passage as one sequence of tokens and gives numbers that say how well they match.
package protocol RelevanceModel: Sendable {
    /// Logits of one sequence.
    var labels: Int { get }

    /// The raw logits of each sequence: [B][labels]. A sequence's logits are bit-identical in any batch.
    func logits(of batch: TokenBatch, on lane: Lane) throws -> [[Float]]
}

/// A model that computes what sequences begin with in common once.
package protocol PrefixSharing: RelevanceModel {
    /// False where tokens see what comes after them: then the other two must not be called.
    var sharesPrefixes: Bool { get }

    /// What the model keeps of a prefix of at least one token.
    func cache(of tokenIDs: [Int32], on lane: Lane) throws -> KeyValueCache

    /// The logits of the sequences that continue the prefix, bit-identical to those of the whole sequences.
    func logits(of batch: TokenBatch, after prefix: KeyValueCache, on lane: Lane) throws -> [[Float]]
}
