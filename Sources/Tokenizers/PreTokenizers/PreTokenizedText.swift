/// A normalized text and the pieces of it that become tokens on their own.
struct PreTokenizedText {
    private(set) var text: NormalizedText
    /// Ascending, none of them empty.
    private(set) var pieces: [Range<Int>]

    init(_ text: NormalizedText) {
        self.text = text
        pieces = text.count == 0 ? [] : [0..<text.count]
    }

    init(_ text: NormalizedText, piece: Range<Int>) {
        self.text = text
        pieces = piece.isEmpty ? [] : [piece]
    }

    mutating func split(_ split: Split) { cut { split.appendPieces(of: $0, $1, to: &$2) } }

    /// Replaces each piece by those that `cut` appends to its last argument.
    mutating func cut(_ cut: ([UInt32], Range<Int>, inout [Range<Int>]) -> Void) {
        var shorter: [Range<Int>] = []
        shorter.reserveCapacity(pieces.count)
        for piece in pieces { cut(text.scalars, piece, &shorter) }
        pieces = shorter
    }

    /// Replaces the text of each piece by what `rewrite` appends, which is not nothing.
    mutating func rewrite(_ rewrite: (NormalizedText, Range<Int>, inout NormalizedText) -> Void) {
        var output = NormalizedText()
        output.reserve(pieces.reduce(pieces.count) { $0 + $1.count })
        for index in pieces.indices {
            let start = output.count
            rewrite(text, pieces[index], &output)
            pieces[index] = start..<output.count
        }
        text = output
    }
}
