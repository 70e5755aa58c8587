/// SplitMix64: random numbers that are the same on every run with a seed, so that a failing test names its case.
///
/// Source: Steele, Lea & Flood, OOPSLA 2014, <https://doi.org/10.1145/2660193.2660195>.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    package mutating func int(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    package mutating func pick<Element>(_ choices: [Element]) -> Element { choices[int(in: 0...choices.count - 1)] }

    /// True in one of `count` cases.
    package mutating func oneIn(_ count: Int) -> Bool { int(in: 1...count) == 1 }

    /// A text of the given code points.
    package mutating func text(of scalars: [Unicode.Scalar], count: ClosedRange<Int>) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<int(in: count) { text.append(pick(scalars)) }
        return String(text)
    }
}
