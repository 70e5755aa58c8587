import Ranking
import TextFiles

/// The items of one JSON array, cut out one at a time, so that an array larger than memory can be read.
///
/// Only strings and brackets are looked at; each item is then parsed on its own.
final class JSONArrayStream {
    private let stream: LineStream
    private let maxItemBytes: Int
    private var block: [UInt8] = []
    private var position = 0
    private var line = 1
    /// True if the byte before was a line feed.
    private var endedLine = false
    private var state = State.beforeArray

    private enum State { case beforeArray, firstItem, item, done }

    init(_ stream: LineStream, maxItemBytes: Int) {
        self.stream = stream
        self.maxItemBytes = maxItemBytes
    }

    /// The bytes of the next item, and the line (from 1) that it begins in; nil after the last one.
    func next() throws(RankingError) -> (line: Int, bytes: [UInt8])? {
        if state == .beforeArray {
            // JSONCorpus has seen the bracket.
            while let byte = try nextByte(), byte != UInt8(ascii: "[") {}
            state = .firstItem
        }
        if state == .done { return nil }
        var item = Item()
        var start = line
        while let byte = try nextByte() {
            let isSpace = byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
            if item.bytes.isEmpty {
                if isSpace { continue }
                start = line
            }
            if item.ends(at: byte) { return try finish(item, byte, start) }
            item.append(byte)
            takePlainText(into: &item)
            guard item.bytes.count <= maxItemBytes else {
                throw error(
                    line: start, "item is longer than \(maxItemBytes) bytes",
                    why: "Items so long are damage more often than a document.",
                    fix: "Look for a missing quote or bracket, or raise --max-line-bytes.")
            }
        }
        throw error(
            line: line, "array is not closed", why: "The text ends inside the array that it begins with.",
            fix: "Write the file again, to its end.")
    }

    private func finish(_ item: Item, _ byte: UInt8, _ start: Int) throws(RankingError) -> (Int, [UInt8])? {
        let wasFirst = state == .firstItem
        state = byte == UInt8(ascii: "]") ? .done : .item
        if state == .done { try refuseMore() }
        guard item.bytes.isEmpty else { return (start, item.bytes) }
        if wasFirst, state == .done { return nil }
        throw error(
            line: line, "array has a comma without an item", why: "JSON has one value between two commas.",
            fix: "Remove the comma.")
    }

    private func refuseMore() throws(RankingError) {
        while let byte = try nextByte() {
            guard [0x20, 0x09, 0x0A, 0x0D].contains(byte) else {
                throw error(
                    line: line, "array is followed by something else", why: "A file holds one array and no more.",
                    fix: "Write one array, or JSON Lines without brackets around them.")
            }
        }
    }

    /// Takes the rest of a string at once, up to what could end it and the end of the block.
    private func takePlainText(into item: inout Item) {
        guard item.takesPlainText else { return }
        let end = block.withUnsafeBufferPointer { bytes in
            var end = position
            while end < bytes.count, bytes[end] != UInt8(ascii: "\""), bytes[end] != UInt8(ascii: "\\"),
                bytes[end] != 0x0A
            {
                end += 1
            }
            return end
        }
        item.bytes += block[position..<end]
        position = end
    }

    private func nextByte() throws(RankingError) -> UInt8? {
        if position == block.count {
            guard let next = try stream.nextBlock() else { return nil }
            block = next
            position = 0
        }
        // A line feed counts for the bytes behind it.
        if endedLine { line += 1 }
        let byte = block[position]
        position += 1
        endedLine = byte == 0x0A
        return byte
    }

    private func error(line: Int, _ problem: String, why: String, fix: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(stream.name), line \(line): the JSON \(problem).", why: why, fix: fix)
    }
}

/// An item of an array while it is read.
private struct Item {
    var bytes: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// True inside a string, where the next byte is no escaped one.
    var takesPlainText: Bool { isInString && !isEscaped }

    /// True if this byte is the comma or bracket behind the item.
    func ends(at byte: UInt8) -> Bool {
        depth == 0 && !isInString && (byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]"))
    }

    mutating func append(_ byte: UInt8) {
        bytes.append(byte)
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        // The parser complains of a bracket that closes nothing.
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth = max(0, depth - 1)
        default: break
        }
    }
}
