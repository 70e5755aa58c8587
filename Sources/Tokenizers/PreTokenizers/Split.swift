/// Cuts a piece at the matches of a pattern.
struct Split: Sendable, Equatable {
    /// What becomes of the matches.
    enum Behavior: String, CaseIterable, Sendable {
        case removed = "Removed"
        /// Each is a piece.
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        /// Neighbouring matches are one piece.
        case contiguous = "Contiguous"
    }

    var pattern: TextPattern
    var behavior: Behavior
    /// True where what lies between the matches is taken for them.
    var isInverted = false

    /// Appends the pieces of a range, none of them empty.
    func appendPieces(of scalars: [UInt32], _ range: Range<Int>, to pieces: inout [Range<Int>]) {
        let first = pieces.count
        var isAfterMatch = false
        func add(_ part: Range<Int>, isMatch: Bool) {
            guard !part.isEmpty, !(behavior == .removed && isMatch) else { return }
            if joins(isMatch, isAfterMatch), pieces.count > first {
                pieces[pieces.count - 1] = pieces[pieces.count - 1].lowerBound..<part.upperBound
            } else {
                pieces.append(part)
            }
            isAfterMatch = isMatch
        }
        var end = range.lowerBound
        while end < range.upperBound, let match = pattern.firstMatch(in: scalars, end..<range.upperBound) {
            add(end..<match.lowerBound, isMatch: isInverted)
            add(match, isMatch: !isInverted)
            end = match.upperBound
        }
        add(end..<range.upperBound, isMatch: isInverted)
    }

    private func joins(_ isMatch: Bool, _ isAfterMatch: Bool) -> Bool {
        switch behavior {
        case .removed, .isolated: false
        case .contiguous: isMatch == isAfterMatch
        case .mergedWithPrevious: isMatch && !isAfterMatch
        case .mergedWithNext: !isMatch && isAfterMatch
        }
    }
}
