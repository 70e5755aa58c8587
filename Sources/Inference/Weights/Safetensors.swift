import OrderedJSON
package import Ranking

/// One safetensors file: named tensors over a memory-mapped file.
///
/// Layout: a little-endian 64-bit length N, N bytes of JSON, then the data. The JSON maps each name to
/// `{"dtype", "shape", "data_offsets": [begin, end]}`, offsets counted from the end of the header; the optional
/// `__metadata__` maps strings to strings. Every field is checked before a byte of data is reachable: the header
/// fits the file, each dtype is known, each shape times its item size is the length of its slice, and the slices
/// cover the data exactly once, without gap or overlap.
///
/// Source: the format section of <https://github.com/huggingface/safetensors>.
package struct SafetensorsFile: Sendable {
    package enum ItemType: String, CaseIterable, Sendable {
        case bool = "BOOL"
        case u8 = "U8"
        case i8 = "I8"
        case f8e5m2 = "F8_E5M2"
        case f8e4m3 = "F8_E4M3"
        case i16 = "I16"
        case u16 = "U16"
        case f16 = "F16"
        case bf16 = "BF16"
        case i32 = "I32"
        case u32 = "U32"
        case f32 = "F32"
        case i64 = "I64"
        case u64 = "U64"
        case f64 = "F64"

        package var size: Int {
            switch self {
            case .bool, .u8, .i8, .f8e5m2, .f8e4m3: 1
            case .i16, .u16, .f16, .bf16: 2
            case .i32, .u32, .f32: 4
            case .i64, .u64, .f64: 8
            }
        }
    }

    package struct Entry: Sendable {
        package var type: ItemType
        package var shape: [Int]
        /// Byte range in the file.
        package var range: Range<Int>
    }

    package let file: MappedFile
    package let entries: [String: Entry]
    package let metadata: [String: String]

    /// The reference implementation refuses longer headers too.
    private static let maxHeaderBytes = 100_000_000

    package init(path: String) throws(RankingError) {
        try self.init(file: MappedFile(path: path))
    }

    package init(file: MappedFile) throws(RankingError) {
        self.file = file
        let (entries, metadata) = try SafetensorsFile.parseHeader(file.bytes, path: file.path)
        self.entries = entries
        self.metadata = metadata
    }

    /// The bytes of a tensor. Not necessarily aligned to its item size.
    package func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }

    package static func parseHeader(
        _ bytes: UnsafeRawBufferPointer, path: String
    ) throws(RankingError) -> (entries: [String: Entry], metadata: [String: String]) {
        let header = try headerObject(bytes, path: path)
        let dataStart = 8 + header.length
        let dataCount = bytes.count - dataStart
        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for member in header.object.members {
            if member.key == "__metadata__" {
                metadata = try parseMetadata(member.value, path: path)
                continue
            }
            entries[member.key] = try parseEntry(
                member.value, name: member.key, dataStart: dataStart, dataCount: dataCount, path: path)
        }
        try requireExactCover(entries, dataStart: dataStart, end: bytes.count, path: path)
        return (entries, metadata)
    }

    private static func headerObject(
        _ bytes: UnsafeRawBufferPointer, path: String
    ) throws(RankingError) -> (object: JSONObject, length: Int) {
        guard bytes.count >= 8 else {
            throw corrupt(path, "is \(bytes.count) bytes long; a safetensors file starts with an 8-byte header length")
        }
        let declared = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard declared <= UInt64(maxHeaderBytes), Int(declared) <= bytes.count - 8 else {
            throw corrupt(
                path, "declares a header of \(declared) bytes, but has \(bytes.count - 8) bytes after the length field")
        }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[8..<8 + Int(declared)])
        let value: JSONValue
        do {
            value = try JSONValue.parse(slice, rejectDuplicateKeys: true)
        } catch {
            throw corrupt(path, "has a header that is not valid JSON (\(error))", cause: error)
        }
        guard case .object(let object) = value else { throw corrupt(path, "has a header that is not a JSON object") }
        return (object, Int(declared))
    }

    private static func parseMetadata(_ value: JSONValue, path: String) throws(RankingError) -> [String: String] {
        guard case .object(let object) = value else { throw corrupt(path, "has a __metadata__ that is not an object") }
        var metadata: [String: String] = [:]
        for member in object.members {
            guard case .string(let text) = member.value else {
                throw corrupt(path, "has a __metadata__ entry \"\(member.key)\" that is not a string")
            }
            metadata[member.key] = text
        }
        return metadata
    }

    private static func parseEntry(
        _ value: JSONValue, name: String, dataStart: Int, dataCount: Int, path: String
    ) throws(RankingError) -> Entry {
        guard case .object(let object) = value else {
            throw corrupt(path, "describes tensor \"\(name)\" by something else than an object")
        }
        guard case .string(let typeName)? = object["dtype"] else {
            throw corrupt(path, "gives tensor \"\(name)\" no dtype")
        }
        guard let type = ItemType(rawValue: typeName) else {
            let known = ItemType.allCases.map(\.rawValue).joined(separator: ", ")
            throw corrupt(path, "gives tensor \"\(name)\" the dtype \"\(typeName)\", which is none of \(known)")
        }
        guard let shape = naturals(object["shape"]) else {
            throw corrupt(path, "gives tensor \"\(name)\" a shape that is not a list of whole numbers from 0")
        }
        guard let offsets = naturals(object["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
            throw corrupt(path, "gives tensor \"\(name)\" data_offsets that are not [begin, end] with begin <= end")
        }
        guard offsets[1] <= dataCount else {
            throw corrupt(
                path, "ends before tensor \"\(name)\", whose data_offsets are \(offsets) of \(dataCount) bytes of data")
        }
        var expected = type.size
        for extent in shape {
            let (product, overflow) = expected.multipliedReportingOverflow(by: extent)
            guard !overflow else {
                throw corrupt(path, "gives tensor \"\(name)\" the shape \(shape), which is too large to exist")
            }
            expected = product
        }
        guard offsets[1] - offsets[0] == expected else {
            throw corrupt(
                path,
                "gives tensor \"\(name)\" \(offsets[1] - offsets[0]) bytes, but \(typeName) \(shape) takes \(expected)")
        }
        return Entry(type: type, shape: shape, range: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private static func requireExactCover(
        _ entries: [String: Entry], dataStart: Int, end: Int, path: String
    ) throws(RankingError) {
        var next = dataStart
        let ordered = entries.sorted {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
        }
        for (name, entry) in ordered {
            guard entry.range.lowerBound == next else {
                let problem = entry.range.lowerBound < next ? "overlaps the tensor before it" : "leaves a gap before it"
                throw corrupt(
                    path, "has a tensor \"\(name)\" that \(problem) (byte \(entry.range.lowerBound), expected \(next))")
            }
            next = entry.range.upperBound
        }
        guard next == end else { throw corrupt(path, "has \(end - next) bytes that belong to no tensor") }
    }

    private static func naturals(_ value: JSONValue?) -> [Int]? {
        guard case .array(let items)? = value else { return nil }
        var numbers: [Int] = []
        for item in items {
            guard case .number(let number) = item, let integer = number.int, integer >= 0 else { return nil }
            numbers.append(integer)
        }
        return numbers
    }

    private static func corrupt(_ path: String, _ problem: String, cause: (any Error)? = nil) -> RankingError {
        RankingError(
            .corruptFile, what: "\(path) \(problem).",
            why: "The file is damaged, cut short, or not a safetensors file.",
            fix: "Download it again and compare its size or checksum with the source.", cause: cause)
    }
}
