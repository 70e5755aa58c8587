/// Reads the numbers of `UnicodeTables`: base64 VLQ, digits of five bits, the lowest first, 32 added where more follow.
struct UnicodeTableReader {
    private let text: UnsafeBufferPointer<UInt8>
    private var position = 0

    private init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

    private var isAtEnd: Bool { position >= text.count }

    private mutating func number() -> UInt32 {
        var (value, shift): (UInt32, UInt32) = (0, 0)
        while !isAtEnd {
            let digit = UInt32(Base64.digit(text[position]) ?? 0)
            position += 1
            value |= (digit & 31) << shift
            if digit < 32 { break }
            shift += 5
        }
        return value
    }

    private mutating func range(after end: UInt32) -> ClosedRange<UInt32> {
        let first = end &+ number()
        return first...first &+ number()
    }

    static func ranges(_ table: StaticString) -> [ClosedRange<UInt32>] {
        read(table) { reader in
            var ranges: [ClosedRange<UInt32>] = []
            while !reader.isAtEnd { ranges.append(reader.range(after: ranges.last?.upperBound ?? 0)) }
            return ranges
        }
    }

    static func valuedRanges(_ table: StaticString) -> [(range: ClosedRange<UInt32>, value: UInt8)] {
        read(table) { reader in
            var ranges: [(range: ClosedRange<UInt32>, value: UInt8)] = []
            while !reader.isAtEnd {
                let range = reader.range(after: ranges.last?.range.upperBound ?? 0)
                ranges.append((range, UInt8(truncatingIfNeeded: reader.number())))
            }
            return ranges
        }
    }

    /// Each key: its distance from the last one, the number of its values, and the difference of each value from that at
    /// the same place before (even: half of it; odd: half of it, negated).
    static func mapping(_ table: StaticString) -> ScalarMap {
        read(table) { reader in
            var map = ScalarMap()
            var key: UInt32 = 0
            var values: [UInt32] = []
            while !reader.isAtEnd {
                key &+= reader.number()
                let count = Int(reader.number())
                while values.count < count { values.append(0) }
                for place in 0..<count {
                    let difference = reader.number()
                    values[place] =
                        difference & 1 == 0 ? values[place] &+ difference / 2 : values[place] &- difference / 2
                }
                map.append(key, values[..<count])
            }
            return map
        }
    }

    private static func read<Table>(_ table: StaticString, _ body: (inout UnicodeTableReader) -> Table) -> Table {
        table.withUTF8Buffer { buffer in
            var reader = UnicodeTableReader(buffer)
            return body(&reader)
        }
    }
}

/// Code points to sequences of code points.
struct ScalarMap {
    /// Ascending.
    private(set) var keys: [UInt32] = []
    /// Where the values of each key end.
    private var ends: [Int] = []
    private var values: [UInt32] = []

    mutating func append(_ key: UInt32, _ mapped: ArraySlice<UInt32>) {
        keys.append(key)
        values += mapped
        ends.append(values.count)
    }

    subscript(key: UInt32) -> ArraySlice<UInt32>? {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        guard low < keys.count, keys[low] == key else { return nil }
        return values[(low == 0 ? 0 : ends[low - 1])..<ends[low]]
    }
}
