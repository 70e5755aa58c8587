import Crypto
import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the hub says a file's content hashes to. It is the file's ETag, and its name in the cache.
enum ContentHash: Sendable, Equatable {
    /// Of large files, which the hub keeps outside git.
    case sha256(String)
    /// Of files in git: SHA-1 of "blob ", the length, a zero byte and the content.
    case gitBlob(String)

    /// Nil where the ETag is neither.
    init?(etag: String) {
        var text = etag.hasPrefix("W/") ? etag.dropFirst(2) : etag[...]
        if text.hasPrefix("\""), text.hasSuffix("\""), text.count >= 2 { text = text.dropFirst().dropLast() }
        guard text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
        switch text.utf8.count {
        case 64: self = .sha256(String(text))
        case 40: self = .gitBlob(String(text))
        default: return nil
        }
    }

    var text: String {
        switch self {
        case .sha256(let text), .gitBlob(let text): text
        }
    }

    /// Whether a file holds what this is the hash of. Reads all of it.
    func matches(_ path: String) throws(RankingError) -> Bool {
        switch self {
        case .sha256(let expected): return try ContentHash.hash(path, SHA256(), prefix: "") == expected
        case .gitBlob(let expected):
            let prefix = "blob \(HubCache.size(path) ?? 0)\0"
            return try ContentHash.hash(path, Insecure.SHA1(), prefix: prefix) == expected
        }
    }

    private static func hash(
        _ path: String, _ empty: some HashFunction, prefix: String
    ) throws(RankingError) -> String {
        var hash = empty
        hash.update(data: Array(prefix.utf8))
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw storageError(path, errno) }
        defer { close(file) }
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = block.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw storageError(path, errno) }
            if count == 0 { break }
            block.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        return hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
