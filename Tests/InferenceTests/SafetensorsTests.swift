import FuzzMutations
import Inference
import Ranking
import Testing

@Suite("The header of a safetensors file")
struct SafetensorsTests {
    /// One F32 tensor of two values; each rule below changes one thing of it.
    static let right = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#

    static let refused: [(rule: String, header: String, data: Int, error: String)] = [
        ("is JSON", "{\"w\":", 8, "not valid JSON"),
        ("escapes control characters", "{\"\u{1}\":1}", 8, "not valid JSON"),
        ("is an object", "[1, 2]", 8, "not a JSON object"),
        ("ends with its value", right + "x", 8, "not valid JSON"),
        (
            "names each tensor once", String(right.dropLast()) + "," + String(right.dropFirst()), 8,
            "the key \"w\" comes twice"
        ),
        ("describes a tensor by an object", #"{"w":[0,8]}"#, 8, "something else than an object"),
        ("gives a dtype", #"{"w":{"shape":[2],"data_offsets":[0,8]}}"#, 8, "no dtype"),
        ("gives a dtype as text", #"{"w":{"dtype":32,"shape":[2],"data_offsets":[0,8]}}"#, 8, "no dtype"),
        (
            "gives a known dtype", #"{"w":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#, 8,
            "which is none of BOOL, U8, I8"
        ),
        ("gives a shape", #"{"w":{"dtype":"F32","data_offsets":[0,8]}}"#, 8, "a shape that is not a list"),
        ("counts from 0", #"{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "a shape that is not a list"),
        ("counts whole", #"{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#, 8, "a shape that is not a list"),
        (
            "counts in Int", #"{"w":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}"#, 8,
            "a shape that is not a list"
        ),
        (
            "has a shape that can exist",
            #"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#, 8, "too large to exist"
        ),
        (
            "has a shape whose bytes can exist",
            #"{"w":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}}"#, 8, "too large to exist"
        ),
        (
            "has the bytes of its shape", #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8,
            "8 bytes, but F32 [3] takes 12"
        ),
        (
            "has the bytes of its dtype", #"{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}"#, 8,
            "8 bytes, but F16 [2] takes 4"
        ),
        ("gives offsets", #"{"w":{"dtype":"F32","shape":[2]}}"#, 8, "not [begin, end]"),
        ("gives two offsets", #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, 8, "not [begin, end]"),
        ("orders offsets", #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "not [begin, end]"),
        ("has offsets from 0", #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8, "not [begin, end]"),
        ("has offsets inside the file", right, 7, "ends before tensor \"w\""),
        (
            "has offsets that can exist",
            #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}}"#, 8,
            "ends before tensor \"w\""
        ),
        (
            "leaves no gap", #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12,
            "leaves a gap before it"
        ),
        (
            "has tensors that do not overlap",
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}"#,
            7, "overlaps the tensor before it"
        ),
        (
            "has tensors that share no bytes",
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
            4, "overlaps the tensor before it"
        ),
        ("leaves no bytes behind the last tensor", right, 9, "1 bytes that belong to no tensor"),
        ("leaves no bytes without a tensor", "{}", 3, "3 bytes that belong to no tensor"),
        ("has metadata that is an object", #"{"__metadata__":"pt"}"#, 0, "not an object"),
        (
            "has metadata of texts", #"{"__metadata__":{"format":"pt","step":3}}"#, 0,
            "\"step\" that is not a string"
        ),
    ]

    @Test("a file is refused unless its header…", arguments: refused)
    func refuses(rule: String, header: String, data: Int, error: String) async throws {
        let file = SafetensorsBuilder.file(header: Array(header.utf8), data: [UInt8](repeating: 0, count: data))
        await expectError(.corruptFile, "w.safetensors", error) { try parse(file) }
    }

    @Test("the right header of all these is accepted")
    func accepts() throws {
        let file = SafetensorsBuilder.file(
            header: Array(SafetensorsTests.right.utf8), data: [UInt8](repeating: 0, count: 8))
        let entry = try #require(try parse(file).entries["w"])
        #expect(entry.type == .f32)
        #expect(entry.shape == [2])
        #expect(entry.range == file.count - 8..<file.count)
    }

    @Test("a header that is declared longer than the file is refused", arguments: [1, 1_000, UInt64(Int64.max), .max])
    func longHeader(excess: UInt64) async throws {
        let header = Array(SafetensorsTests.right.utf8)
        let declared = UInt64(header.count + 8).addingReportingOverflow(excess)
        let file = SafetensorsBuilder.file(
            header: header, data: [UInt8](repeating: 0, count: 8),
            declaredLength: declared.overflow ? excess : declared.partialValue)
        await expectError(.corruptFile, "declares a header of", "\(header.count + 8) bytes after") { try parse(file) }
    }

    @Test("a header over 100 MB is refused, even where the file has it")
    func hugeHeader() async throws {
        let file = SafetensorsBuilder.file(header: [], padding: 100_000_001)
        await expectError(.corruptFile, "declares a header of 100000001 bytes") { try parse(file) }
    }

    @Test("a file cut inside its first 8 bytes is refused, an empty one too", arguments: 0..<8)
    func shortFile(count: Int) async throws {
        await expectError(.corruptFile, "is \(count) bytes long") {
            try parse([UInt8](repeating: 0, count: count))
        }
        await expectError(.corruptFile, "is \(count) bytes long") {
            try withFiles(["w": [UInt8](repeating: 0, count: count)]) { try SafetensorsFile(path: $0 + "/w") }
        }
    }

    @Test("a file cut anywhere is refused, and no cut is read behind its end")
    func everyCut() async throws {
        let whole = SafetensorsBuilder([.init("a", [2, 3], [1, 2, 3, 4, 5, 6]), .init("b", [1], [7])]).bytes
        for count in 0..<whole.count {
            await expectError(.corruptFile) { try parse(Array(whole[..<count])) }
        }
        #expect(try parse(whole).entries.count == 2)
    }

    @Test("tensors without values, tensors without dimensions and files without tensors are fine")
    func emptyTensors() throws {
        let file = SafetensorsBuilder([
            .init("none", [0, 7], []), .init("scalar", [], [3]), .init("also none", [2, 0], []),
        ])
        let entries = try parse(file.bytes).entries
        #expect(entries["none"]?.range.isEmpty == true)
        #expect(entries["also none"]?.shape == [2, 0])
        #expect(entries["scalar"]?.range.count == 4)
        #expect(try parse(SafetensorsBuilder([]).bytes).entries.isEmpty)
    }

    @Test("metadata is read, and is no tensor")
    func metadata() throws {
        var file = SafetensorsBuilder([.init("w", [1], [1])])
        file.metadata = ["format": "pt", "": "é"]
        let (entries, metadata) = try parse(file.bytes)
        #expect(metadata == ["format": "pt", "": "é"])
        #expect(Array(entries.keys) == ["w"])
    }

    @Test("a path that is missing, or is a directory, is an error that names it")
    func unreadable() async throws {
        await expectError(.notFound, "/none cannot be read", "No such file") {
            try withFiles([:]) { try SafetensorsFile(path: $0 + "/none") }
        }
        await expectError(.notFound, "cannot be read", "Not a regular file") {
            try withFiles([:]) { try SafetensorsFile(path: $0) }
        }
    }

    /// Parses a copy in a block of exactly the file's size, so that a sanitizer sees any read behind it.
    private func parse(
        _ file: [UInt8]
    ) throws -> (entries: [String: SafetensorsFile.Entry], metadata: [String: String]) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 1)
        defer { block.deallocate() }
        block.copyBytes(from: file)
        return try SafetensorsFile.parseHeader(UnsafeRawBufferPointer(block), path: "w.safetensors")
    }
}
