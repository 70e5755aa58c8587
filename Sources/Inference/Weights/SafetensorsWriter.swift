import OrderedJSON
package import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes a safetensors file in constant memory: first all descriptions, then the bytes of each tensor in that order.
package final class SafetensorsWriter {
    package struct Tensor: Sendable {
        package var name: String
        package var type: SafetensorsFile.ItemType
        package var shape: [Int]

        package init(name: String, type: SafetensorsFile.ItemType, shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }

        /// Of a tensor that is there already: its size is known to be representable.
        fileprivate var byteCount: Int { shape.reduce(type.size, *) }
    }

    private let path: String
    private let file: UnsafeMutablePointer<FILE>
    private let expected: Int
    private var written = 0

    /// Larger items come first, so that each begins on a boundary of its size.
    package static func ordered(_ tensors: [Tensor]) -> [Tensor] {
        tensors.sorted { ($1.type.size, $0.name) < ($0.type.size, $1.name) }
    }

    package init(
        path: String, tensors: [Tensor], metadata: KeyValuePairs<String, String> = ["format": "pt"]
    ) throws(RankingError) {
        var header = JSONObject()
        var object = JSONObject()
        for (key, value) in metadata { object[key] = .string(value) }
        header["__metadata__"] = .object(object)
        var end = 0
        for tensor in tensors {
            var entry = JSONObject()
            entry["dtype"] = .string(tensor.type.rawValue)
            entry["shape"] = .array(tensor.shape.map { .number(JSONNumber($0)) })
            entry["data_offsets"] = .array([end, end + tensor.byteCount].map { .number(JSONNumber($0)) })
            end += tensor.byteCount
            header[tensor.name] = .object(entry)
        }
        var text = Array(JSONValue.object(header).compact.utf8)
        // The data begins on a boundary of 64 bytes, where the widest vector registers want it.
        while (text.count + MemoryLayout<UInt64>.size) % 64 != 0 { text.append(UInt8(ascii: " ")) }
        guard let file = fopen(path, "wb") else { throw SafetensorsWriter.failure(path) }
        self.path = path
        self.file = file
        expected = end
        try put([UInt64(text.count).littleEndian])
        try put(text)
    }

    deinit { fclose(file) }

    /// The next bytes of the data.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(RankingError) {
        written += bytes.count
        guard write(bytes) else { throw SafetensorsWriter.failure(path) }
    }

    /// The next values of the data, in the machine's order of bytes.
    package func append<Value: BitwiseCopyable>(_ values: [Value]) throws(RankingError) {
        written += values.count * MemoryLayout<Value>.stride
        try put(values)
    }

    /// Throws where the bytes are not those that were described, or did not reach the disk.
    package func finish() throws(RankingError) {
        guard written == expected else {
            throw RankingError(
                .storage, what: "\(path) got \(written) bytes of \(expected).",
                why: "Its tensors were written in part.",
                fix: "Report this with the model's name.")
        }
        guard fflush(file) == 0, fsync(fileno(file)) == 0 else { throw SafetensorsWriter.failure(path) }
    }

    private func put<Value: BitwiseCopyable>(_ values: [Value]) throws(RankingError) {
        guard values.withUnsafeBytes(write) else { throw SafetensorsWriter.failure(path) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count
    }

    private static func failure(_ path: String) -> RankingError {
        RankingError(
            .storage, what: "\(path) cannot be written.",
            why: "The system refused it: \(String(cString: strerror(errno))).",
            fix: "Check the permissions and the space of the folder.")
    }
}
