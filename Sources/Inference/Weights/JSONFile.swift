package import OrderedJSON
package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A model's small JSON files, read with errors that name the file and the place in it.
package enum JSONFile {
    /// The largest vocabularies take 35 MB. A parsed file takes several times its size of memory.
    package static let maxBytes = 256 << 20

    package static func value(path: String, fix: String = "Download it again.") throws(RankingError) -> JSONValue {
        let file = try MappedFile(path: path)
        guard file.bytes.count <= maxBytes else {
            throw RankingError(
                .corruptFile, what: "\(path) is \(file.bytes.count) bytes long.",
                why: "The JSON files of a model have at most \(maxBytes) bytes.", fix: fix)
        }
        do {
            return try JSONValue.parse(file.bytes)
        } catch {
            throw RankingError(
                .corruptFile, what: "\(path) is not valid JSON: \(error).", why: "The file is damaged or cut short.",
                fix: fix, cause: error)
        }
    }

    package static func object(path: String, fix: String = "Download it again.") throws(RankingError) -> JSONObject {
        guard case .object(let object) = try value(path: path, fix: fix) else {
            throw RankingError(
                .corruptFile, what: "\(path) holds JSON, but not an object.", why: "It is not the file its name says.",
                fix: fix)
        }
        return object
    }

    /// The object of a file that a model may lack; an empty one where it does.
    package static func objectIfPresent(path: String) throws(RankingError) -> JSONObject {
        FileStatus.isFile(path) ? try object(path: path) : JSONObject()
    }
}

package enum FileStatus {
    package static func isFile(_ path: String) -> Bool { mode(path).map { $0 & S_IFMT == S_IFREG } ?? false }
    package static func isDirectory(_ path: String) -> Bool { mode(path).map { $0 & S_IFMT == S_IFDIR } ?? false }

    private static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }
}
