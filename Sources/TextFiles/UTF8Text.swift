package import Ranking

/// Checks that bytes are text.
package enum UTF8Text {
    /// The line, from 1, of the first byte that is not valid UTF-8; nil where all are.
    package static func firstInvalidLine(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        // A line feed is never part of a longer sequence, so lines can be checked one by one.
        var number = 1
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if String(validating: line, as: UTF8.self) == nil { return number }
            number += 1
        }
        return number
    }

    package static func error(_ name: String, line: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name), line \(line): the line is not valid UTF-8.",
            why: "The file is in another encoding, or not text.",
            fix: "Convert it, for example with: iconv -f LATIN1 -t UTF-8.")
    }
}
