/// A small generator whose whole state is its seed, so that a case can be repeated from two numbers.
///
/// Source: Steele, Lea and Flood, OOPSLA 2014; the constants of <https://prng.di.unimi.it/splitmix64.c>.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// The generator of one case of a run. Neighbouring cases have nothing in common.
    package init(seed: UInt64, case number: Int) {
        var outer = SplitMix64(seed: seed)
        state = outer.next() ^ (UInt64(truncatingIfNeeded: number) &* 0xd6e8_feb8_6659_fd93)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number in `0..<count`; 0 where count is 0.
    package mutating func index(_ count: Int) -> Int {
        count < 2 ? 0 : Int(truncatingIfNeeded: next() % UInt64(count))
    }

    /// True once in `count` times.
    package mutating func oneIn(_ count: Int) -> Bool { index(count) == 0 }

    /// One of the items, which are not empty.
    package mutating func pick<Item>(_ items: [Item]) -> Item { items[index(items.count)] }

    /// A range inside `0..<count`, at most `longest` long, more often short than long.
    package mutating func range(in count: Int, longest: Int) -> Range<Int> {
        guard count > 0 else { return 0..<0 }
        let start = index(count)
        let limit = min(longest, count - start)
        let length = min(limit, 1 << index(limit.bitWidth - limit.leadingZeroBitCount + 1))
        return start..<start + index(length + 1)
    }
}
