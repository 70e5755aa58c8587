import OrderedJSON
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files that tests read: the golden files of Tests/Fixtures/retrieval, and the collections of RESIFT_SHARED.
enum Golden {
    static let repository: String = {
        let file = #filePath
        guard let range = file.ranges(of: "/Tests/").last else { return file }
        return String(file[..<range.lowerBound])
    }()

    /// Material that is not part of the repository; nil where it is absent.
    static let shared: String? = {
        let path = getenv("RESIFT_SHARED").map { String(cString: $0) } ?? repository + "/../shared"
        return access(path + "/datasets/README.md", R_OK) == 0 ? path : nil
    }()

    static func json(_ name: String) throws -> JSONObject {
        let value = try JSONValue.parse(bytes(of: "\(repository)/Tests/Fixtures/retrieval/\(name)"))
        guard case .object(let object) = value else { throw Unreadable(path: name) }
        return object
    }

    static func bytes(of path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        return contents(of: file)
    }

    static func gunzipped(_ path: String) throws -> [UInt8] {
        guard let pipe = popen("gunzip -c '\(path)'", "r") else { throw Unreadable(path: path) }
        let bytes = contents(of: pipe)
        guard pclose(pipe) == 0 else { throw Unreadable(path: path) }
        return bytes
    }

    private static func contents(of file: UnsafeMutablePointer<FILE>) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    struct Unreadable: Error { var path: String }
}

extension JSONValue {
    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
