import OrderedJSON

/// Damage that knows the parts of a safetensors file: length field, header entries, data.
package enum SafetensorsMutations {
    package static func mutate(_ bytes: inout [UInt8], other: [UInt8], _ random: inout SplitMix64) {
        guard let parts = Parts(bytes) else {
            return ByteMutations.mutate(&bytes, other: other, focus: 0..<min(bytes.count, 4_096), &random)
        }
        switch random.index(8) {
        case 0: ByteMutations.mutate(&bytes, other: other, focus: 0..<8 + parts.header.count, &random)
        case 1: bytes.replaceSubrange(0..<8, with: littleEndian(length(parts, &random)))
        case 2: damageValues(&bytes, from: 8 + parts.header.count, &random)
        case 3:
            let padding = random.index(130)
            bytes = SafetensorsBuilder.file(header: parts.header, padding: padding, data: parts.data)
            // Nothing but a header, declared a little too long: a parser that trusts the length reads behind the file.
            if random.oneIn(3) {
                let declared = UInt64(parts.header.count + padding + random.index(20))
                bytes = SafetensorsBuilder.file(header: parts.header, padding: padding, declaredLength: declared)
            }
        case 4:
            var data = parts.data
            ByteMutations.mutate(&data, other: other, focus: 0..<0, &random)
            bytes = SafetensorsBuilder.file(header: parts.header, data: data)
        default: mutateHeader(&bytes, parts, &random)
        }
    }

    /// A well-formed file taken apart.
    private struct Parts {
        var header: [UInt8]
        var data: [UInt8]

        init?(_ bytes: [UInt8]) {
            guard bytes.count >= 8 else { return nil }
            let declared = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard declared <= UInt64(bytes.count - 8) else { return nil }
            let end = 8 + Int(declared)
            header = Array(bytes[8..<end])
            data = Array(bytes[end...])
        }
    }

    private static func length(_ parts: Parts, _ random: inout SplitMix64) -> UInt64 {
        let header = UInt64(parts.header.count)
        return random.pick([
            0, 1, 2, header &- 1, header + 1, header + UInt64(parts.data.count), header + UInt64(parts.data.count) + 1,
            100_000_000, 100_000_001, UInt64(UInt32.max), 1 << 62, UInt64(Int64.max), 1 << 63, .max - 8, .max - 7, .max,
        ])
    }

    /// NaN, infinity and extreme numbers in place of weights.
    private static func damageValues(_ bytes: inout [UInt8], from start: Int, _ random: inout SplitMix64) {
        let patterns: [UInt32] = [
            0x7FC0_0000, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0x7F7F_FFFF, 0xFF7F_FFFF, 1, 0x8000_0000, 0x7C00_7C00,
            0x7E4B_7E4B, 0x7F00_0000,
        ]
        for _ in 0...random.index(6) {
            let pattern = littleEndian(random.pick(patterns))
            let run = random.oneIn(2) ? 1 : random.index(5_000)
            let values = max(0, bytes.count - start) / 4
            guard values > 0 else { return }
            let first = random.index(values)
            for value in first..<min(values, first + run) {
                for byte in 0..<4 { bytes[start + 4 * value + byte] = pattern[byte] }
            }
        }
    }

    private static func mutateHeader(_ bytes: inout [UInt8], _ parts: Parts, _ random: inout SplitMix64) {
        guard let value = try? JSONValue.parse(parts.header) else {
            return ByteMutations.mutate(&bytes, other: [], focus: 0..<8 + parts.header.count, &random)
        }
        var tree = JSONTree(value)
        if random.oneIn(3) { retype(&tree, &random) } else { JSONMutations.mutate(&tree, &random) }
        bytes = SafetensorsBuilder.file(header: tree.text, padding: random.index(16), data: parts.data)
    }

    /// Changes the type of one tensor and keeps its length right, so that damage gets past the header's checks.
    private static func retype(_ tree: inout JSONTree, _ random: inout SplitMix64) {
        guard case .object(var members) = tree, !members.isEmpty else { return }
        let at = random.index(members.count)
        guard case .object(var fields) = members[at].value else { return }
        let (type, factor) = random.pick([("F16", 2), ("BF16", 2), ("I8", 4), ("I32", 1), ("U16", 2), ("BOOL", 4)])
        for index in fields.indices {
            switch (fields[index].key, fields[index].value) {
            case ("\"dtype\"", _): fields[index].value = .leaf("\"\(type)\"")
            case ("\"shape\"", .array(var shape)):
                if case .leaf(let extent)? = shape.last, let extent = Int(extent), random.oneIn(2) {
                    shape[shape.count - 1] = .leaf(String(extent * factor))
                } else {
                    shape.append(.leaf(String(factor)))
                }
                fields[index].value = .array(shape)
            default: break
            }
        }
        members[at].value = .object(fields)
        tree = .object(members)
    }
}
