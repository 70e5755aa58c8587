/// A frequency and a length that bound a group of postings from above: no posting of the group has more repetitions in
/// a shorter document. Since BM25 grows with frequency and falls with length, whatever k1, b and the mean length are,
/// the best score of a group's impacts bounds the scores of the group.
///
/// Stored in three bytes: `frequency` (255 stands for any number), then `length`, cut off at 65,535, little-endian.
struct Impact: Equatable {
    static let byteCount = 3

    var frequency: UInt8
    var length: UInt16

    @inline(__always)
    func bound(_ scorer: TermScorer) -> Double {
        frequency == .max ? scorer.limit : scorer.bound(frequency: frequency, length: length)
    }

    /// No postings: adds nothing.
    static let none = Impact(frequency: 0, length: 0)
}

/// The best pairs of frequency and length in a group of postings.
struct ImpactFront {
    /// The smallest length seen with each frequency; `none` where the frequency was not seen.
    private var shortest = [UInt16?](repeating: nil, count: 256)
    private var highest = 0

    @inline(__always)
    mutating func insert(frequency: UInt32, length: UInt32) {
        let frequency = Int(min(frequency, 255))
        let length = UInt16(min(length, 65_535))
        if let known = shortest[frequency], known <= length { return }
        shortest[frequency] = length
        highest = max(highest, frequency)
    }

    mutating func formUnion(_ other: ImpactFront) {
        for frequency in 0...other.highest {
            if let length = other.shortest[frequency] { insert(frequency: UInt32(frequency), length: UInt32(length)) }
        }
    }

    mutating func removeAll() {
        for frequency in 0...highest { shortest[frequency] = nil }
        highest = 0
    }

    /// At most `limit` impacts that bound all postings, by ascending frequency.
    func impacts(limit: Int) -> [Impact] {
        var front: [Impact] = []
        for frequency in stride(from: highest, to: 0, by: -1) {
            guard let length = shortest[frequency], length < front.last?.length ?? .max || front.isEmpty else {
                continue
            }
            front.append(Impact(frequency: UInt8(frequency), length: length))
        }
        front.reverse()
        while front.count > limit { ImpactFront.mergeClosest(&front) }
        return front
    }

    /// Replaces two neighbours by the higher frequency and the smaller length, where that loses least.
    private static func mergeClosest(_ front: inout [Impact]) {
        func loss(_ index: Int) -> Double {
            let (a, b) = (front[index], front[index + 1])
            return Double(b.frequency) / Double(a.frequency) * (Double(b.length) + 1) / (Double(a.length) + 1)
        }
        guard let index = (0..<front.count - 1).min(by: { loss($0) < loss($1) }) else { return }
        front[index].frequency = front[index + 1].frequency
        front.remove(at: index + 1)
    }
}
