/// Sequences of token ids, laid end to end without padding.
///
/// `tokenIDs` and `typeIDs` are [total tokens]; sequence s occupies `starts[s] ..< starts[s + 1]`.
package struct TokenBatch: Sendable {
    package private(set) var tokenIDs: [Int32] = []
    package private(set) var typeIDs: [Int32] = []
    package private(set) var starts: [Int] = [0]
    package private(set) var longest = 0

    package init() {}

    package var sequences: Int { starts.count - 1 }
    package var tokens: Int { tokenIDs.count }

    package func range(_ sequence: Int) -> Range<Int> { starts[sequence]..<starts[sequence + 1] }

    /// The sequence that holds a token.
    package func sequence(ofToken token: Int) -> Int {
        var (low, high) = (0, sequences)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= token { low = middle } else { high = middle }
        }
        return low
    }

    package mutating func append(tokenIDs ids: some Collection<Int32>, typeIDs types: some Collection<Int32>) {
        tokenIDs.append(contentsOf: ids)
        typeIDs.append(contentsOf: types)
        starts.append(tokenIDs.count)
        longest = max(longest, ids.count)
    }
}
