/// A prefix tree over bytes, with a value at the nodes where a text ends.
///
/// Nodes lie in breadth-first order, so that a node's children are neighbours, ascending by byte: three flat arrays,
/// filled in one pass over the sorted texts.
struct ByteTrie: Sendable {
    /// A node; 0 is the root.
    typealias Node = Int

    /// Where the children of each node begin; they end where those of the next begin.
    private var children: [UInt32] = [1]
    /// The byte that leads to each node.
    private var labels: [UInt8] = [0]
    /// -1 where no text ends.
    private var values: [Int32] = []

    /// Texts with their values, to make a tree of. Of equal texts, the last counts.
    struct Builder {
        private struct Text {
            /// The first eight bytes, zeros behind the end, as a number that sorts like them.
            var head: UInt64
            var start: Int
            var count: Int
            var value: Int32
        }

        /// Texts end to end.
        private var bytes: [UInt8] = []
        private var texts: [Text] = []
        static let longestText = 4_096

        /// False where the text is too long.
        mutating func append(_ text: some Collection<UInt8>, value: Int32) -> Bool {
            let start = bytes.count
            bytes.append(contentsOf: text)
            let count = bytes.count - start
            guard count <= Builder.longestText else { return false }
            var head: UInt64 = 0
            for index in start..<start + 8 { head = head << 8 | UInt64(index < bytes.count ? bytes[index] : 0) }
            texts.append(Text(head: head, start: start, count: count, value: value))
            return true
        }

        func build() -> ByteTrie {
            bytes.withUnsafeBufferPointer { bytes in
                let sorted = texts.sorted { a, b in
                    if a.head != b.head { return a.head < b.head }
                    let (first, second) = (bytes[a.start..<a.start + a.count], bytes[b.start..<b.start + b.count])
                    if first.lexicographicallyPrecedes(second) { return true }
                    // Appended texts begin one behind the other.
                    return a.count == b.count && a.start < b.start && first.elementsEqual(second)
                }
                return Builder.tree(of: sorted, bytes)
            }
        }

        private static func tree(of texts: [Text], _ bytes: UnsafeBufferPointer<UInt8>) -> ByteTrie {
            var trie = ByteTrie()
            /// By node, the texts that begin with what leads to it.
            var ranges = [0..<texts.count]
            var (depth, nextLevel) = (0, 1)
            var node = 0
            while node < ranges.count {
                if node == nextLevel { (depth, nextLevel) = (depth + 1, ranges.count) }
                var range = ranges[node]
                var value: Int32 = -1
                while let first = range.first, texts[first].count == depth {
                    value = texts[first].value
                    range.removeFirst()
                }
                trie.values.append(value)
                while let first = range.first {
                    let label = bytes[texts[first].start + depth]
                    var end = first + 1
                    while end < range.upperBound, bytes[texts[end].start + depth] == label { end += 1 }
                    trie.labels.append(label)
                    ranges.append(first..<end)
                    range = end..<range.upperBound
                }
                trie.children.append(UInt32(truncatingIfNeeded: ranges.count))
                node += 1
            }
            return trie
        }
    }

    func child(of node: Node, _ byte: UInt8) -> Node? {
        var (low, high) = (Int(children[node]), Int(children[node + 1]))
        // Most nodes have one child or two.
        while high - low > 4 {
            let middle = (low + high) / 2
            if labels[middle] <= byte { low = middle } else { high = middle }
        }
        while low < high {
            if labels[low] == byte { return low }
            low += 1
        }
        return nil
    }

    func value(at node: Node) -> Int32? {
        let value = values[node]
        return value < 0 ? nil : value
    }
}
