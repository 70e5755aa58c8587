package import Inference
import OrderedJSON

/// A safetensors file put together in memory: a right one, or one that is wrong in just the way a test wants.
package struct SafetensorsBuilder: Sendable {
    package struct Tensor: Sendable {
        package var name: String
        package var type: SafetensorsFile.ItemType
        package var shape: [Int]
        package var bytes: [UInt8]

        package init(_ name: String, _ type: SafetensorsFile.ItemType, _ shape: [Int], bytes: [UInt8]) {
            self.name = name
            self.type = type
            self.shape = shape
            self.bytes = bytes
        }

        /// Stores values as F32, or as F16 or BF16 with the bits cut that do not fit.
        package init(
            _ name: String, _ shape: [Int], _ values: [Float], as type: SafetensorsFile.ItemType = .f32
        ) {
            let bytes = values.flatMap { value -> [UInt8] in
                switch type {
                case .f16: littleEndian(SafetensorsBuilder.halfBits(value))
                case .bf16: littleEndian(UInt16(truncatingIfNeeded: value.bitPattern >> 16))
                default: littleEndian(value.bitPattern)
                }
            }
            self.init(name, type, shape, bytes: bytes)
        }

        /// An I8 matrix and its `_scale`: value = integer * scale of the row, the largest of a row becoming 127.
        package static func quantized(_ name: String, _ shape: [Int], _ values: [Float]) -> [Tensor] {
            let columns = shape.dropFirst().reduce(1, *)
            var (integers, scales): ([UInt8], [Float]) = ([], [])
            for start in stride(from: 0, to: values.count, by: max(1, columns)) {
                let row = values[start..<start + columns]
                let scale = max((row.map { abs($0) }.max() ?? 0) / 127, .leastNormalMagnitude)
                scales.append(scale)
                integers += row.map { UInt8(bitPattern: Int8(max(-127, min(127, ($0 / scale).rounded())))) }
            }
            return [
                Tensor(name, .i8, shape, bytes: integers), Tensor(name + "_scale", [scales.count, 1], scales),
            ]
        }
    }

    package var tensors: [Tensor]
    package var metadata: [String: String] = [:]
    /// Spaces behind the header's JSON, as writers add to align the data.
    package var padding = 0

    package init(_ tensors: [Tensor]) { self.tensors = tensors }

    package var header: JSONTree {
        var members: [JSONTree.Member] = []
        if !metadata.isEmpty {
            let entries = metadata.sorted { $0.key < $1.key }
            members.append(
                .init("\"__metadata__\"", .object(entries.map { .init(quoted($0.key), .leaf(quoted($0.value))) })))
        }
        var offset = 0
        for tensor in tensors {
            members.append(.init(quoted(tensor.name), entry(tensor, at: offset)))
            offset += tensor.bytes.count
        }
        return .object(members)
    }

    package var bytes: [UInt8] {
        SafetensorsBuilder.file(header: header.text, padding: padding, data: tensors.flatMap(\.bytes))
    }

    /// A file of a header and data, whether they fit together or not.
    package static func file(
        header: [UInt8], padding: Int = 0, data: [UInt8] = [], declaredLength: UInt64? = nil
    ) -> [UInt8] {
        let length = declaredLength ?? UInt64(header.count + padding)
        return littleEndian(length) + header + [UInt8](repeating: 0x20, count: padding) + data
    }

    private func entry(_ tensor: Tensor, at offset: Int) -> JSONTree {
        .object([
            .init("\"dtype\"", .leaf(quoted(tensor.type.rawValue))),
            .init("\"shape\"", .array(tensor.shape.map { .leaf(String($0)) })),
            .init(
                "\"data_offsets\"", .array([.leaf(String(offset)), .leaf(String(offset + tensor.bytes.count))])),
        ])
    }

    private func quoted(_ text: String) -> String { JSONValue.string(text).compact }

    /// Half precision by cutting bits; what is too small becomes 0 and what is too large infinite.
    private static func halfBits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let exponent = Int(bits >> 23 & 0xFF) - 127 + 15
        if exponent <= 0 { return sign }
        if exponent >= 31 { return sign | 0x7C00 }
        return sign | UInt16(exponent) << 10 | UInt16(truncatingIfNeeded: bits >> 13) & 0x3FF
    }
}

/// The bytes of a number, lowest first.
package func littleEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
