import FuzzMutations
import Inference
import Ranking
import Testing

@Suite("Stored weights are read exactly")
struct StoredTypeTests {
    @Test("every F16 bit pattern is its value, subnormals and infinities included", arguments: [0, 1])
    func f16(padding: Int) throws {
        let patterns = (0...UInt16.max).map { $0 }
        let values = try read(.f16, bytes: patterns.flatMap(littleEndian), padding: padding)
        for (pattern, value) in zip(patterns, values) {
            let (exponent, fraction) = (Int(pattern >> 10 & 31), Double(pattern & 1_023))
            let magnitude: Double
            switch exponent {
            case 0: magnitude = fraction / 1_024 * 0x1p-14
            case 31: magnitude = fraction == 0 ? .infinity : .nan
            default: magnitude = (1 + fraction / 1_024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
            }
            let expected = Float(pattern & 0x8000 == 0 ? magnitude : -magnitude)
            guard expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern else {
                Issue.record("F16 \(pattern) is read as \(value), not \(expected)")
                return
            }
        }
    }

    @Test("every BF16 bit pattern is the upper half of its F32", arguments: [0, 1])
    func bf16(padding: Int) throws {
        let patterns = (0...UInt16.max).map { $0 }
        let values = try read(.bf16, bytes: patterns.flatMap(littleEndian), padding: padding)
        #expect(values.map(\.bitPattern) == patterns.map { UInt32($0) << 16 })
    }

    @Test("F32 keeps its bits: subnormals, the sign of zero, the largest number", arguments: 0..<4)
    func f32(padding: Int) throws {
        let patterns: [UInt32] = [0, 0x8000_0000, 1, 0x807F_FFFF, 0x7F7F_FFFF, 0xFF80_0000, 0x7FC0_0001, 0x3F80_0000]
        let values = try read(.f32, bytes: patterns.flatMap(littleEndian), padding: padding)
        #expect(values.map(\.bitPattern) == patterns)
    }

    @Test("every I8 is multiplied by the scale of its row")
    func i8() throws {
        let scales: [Float] = [1, 0.007_874_016, -3, 0]
        let integers = (0..<4).flatMap { _ in (0...UInt8.max).map { $0 } }
        let checkpoint = try checkpoint([
            .init("w", .i8, [4, 256], bytes: integers), .init("w_scale", [4, 1], scales),
        ])
        let values = try checkpoint.floats("w", shape: [4, 256])
        let expected = scales.flatMap { scale in (0...UInt8.max).map { Float(Int8(bitPattern: $0)) * scale } }
        #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
        // One row in the middle is read like the whole.
        let row = try rows(of: checkpoint, [4, 256], 1..<2)
        #expect(row == Array(expected[256..<512]))
    }

    @Test("a row of any storage equals the same row of the whole", arguments: TinyCheckpoint.Storage.allCases)
    func singleRows(storage: TinyCheckpoint.Storage) throws {
        var tiny = TinyCheckpoint()
        tiny.hiddenSize = 7
        tiny.heads = 1
        let checkpoint = try checkpoint(tiny.tensors(storage))
        let name = "bert.embeddings.word_embeddings.weight"
        let whole = try checkpoint.floats(name, shape: [40, 7])
        let matrix = try checkpoint.matrix(name, shape: [40, 7])
        for row in 0..<40 {
            var values = [Float](repeating: .nan, count: 7)
            values.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { matrix.read(row: row, into: base) }
            }
            #expect(values == Array(whole[row * 7..<(row + 1) * 7]))
        }
    }

    @Test("an I8 matrix without scales, or with scales of another shape or kind, is refused")
    func badScales() async throws {
        let weight = SafetensorsBuilder.Tensor("w", .i8, [2, 2], bytes: [1, 2, 3, 4])
        await expectError(.corruptFile, "no tensor \"w_scale\"") {
            try checkpoint([weight]).floats("w", shape: [2, 2])
        }
        await expectError(.corruptFile, "\"w_scale\" is [2], but config.json asks for [2, 1]") {
            try checkpoint([weight, .init("w_scale", [2], [1, 1])]).floats("w", shape: [2, 2])
        }
        await expectError(.corruptFile, "\"w_scale\" holds a NaN") {
            try checkpoint([weight, .init("w_scale", [2, 1], [1, .nan])]).floats("w", shape: [2, 2])
        }
    }

    @Test("scales of I8 weights are F32: a chain of scales of scales would exhaust the stack")
    func scalesOfScales() async throws {
        let names = (0..<2_000).map { "w" + String(repeating: "_scale", count: $0) }
        let chain = names.map { SafetensorsBuilder.Tensor($0, .i8, [2, 1], bytes: [1, 1]) }
        await expectError(.unsupportedModel, "\"w_scale\" is stored as I8", "F32 only") {
            try checkpoint(chain).floats("w", shape: [2, 1])
        }
    }

    @Test(
        "a weight of another type is refused by name", arguments: [SafetensorsFile.ItemType.i64, .f64, .bool, .f8e4m3])
    func otherTypes(type: SafetensorsFile.ItemType) async throws {
        await expectError(.unsupportedModel, "\"w\" is stored as \(type.rawValue)", "F32, F16, BF16, or I8") {
            try checkpoint([.init("w", type, [2], bytes: [UInt8](repeating: 0, count: 2 * type.size))])
                .floats("w", shape: [2])
        }
    }

    @Test("NaN and infinity among the values are refused", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) async throws {
        for type in [SafetensorsFile.ItemType.f32, .f16, .bf16] {
            for at in [0, 1_023, 1_024, 2_999] {
                var values = [Float](repeating: 1, count: 3_000)
                values[at] = value
                let damaged = values
                await expectError(.corruptFile, "\"w\" holds a NaN or an infinite value") {
                    try checkpoint([.init("w", [3_000], damaged, as: type)]).floats("w", shape: [3_000])
                }
            }
        }
    }

    private func checkpoint(_ tensors: [SafetensorsBuilder.Tensor], padding: Int = 0) throws -> Checkpoint {
        var file = SafetensorsBuilder(tensors)
        file.padding = padding
        return try withFiles(["model.safetensors": file.bytes]) { try Checkpoint(directory: $0) }
    }

    private func rows(of checkpoint: Checkpoint, _ shape: [Int], _ range: Range<Int>) throws -> [Float] {
        let matrix = try checkpoint.matrix("w", shape: shape)
        var values = [Float](repeating: 0, count: range.count * matrix.columns)
        values.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { matrix.read(rows: range, into: base) }
        }
        return values
    }

    /// The values of one tensor whose data begins `padding` bytes off where it otherwise would.
    private func read(_ type: SafetensorsFile.ItemType, bytes: [UInt8], padding: Int) throws -> [Float] {
        let count = bytes.count / type.size
        return try rows(of: checkpoint([.init("w", type, [count], bytes: bytes)], padding: padding), [count], 0..<count)
    }
}
