import Crypto
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The SHA-256 of a file's bytes, in hexadecimal.
package enum ContentDigest {
    /// A smaller file is read faster than its record.
    private static let leastRecordedBytes = 1 << 20

    /// Reads the whole file the first time; afterwards the user's cache knows the digest of a large file that has not been
    /// written since (see `MappedFile.identity`).
    ///
    /// - Parameter cache: The folder of the records; nil reads the file every time.
    package static func of(_ file: MappedFile, cache: String?) -> String {
        guard let cache, file.bytes.count >= leastRecordedBytes else { return hexadecimal(ofContents: file) }
        let record = "\(cache)/\(hexadecimal(SHA256.hash(data: Array(file.identity.utf8)))).sha256"
        if let known = try? String(contentsOfFile: record, encoding: .utf8), isDigest(known) { return known }
        let digest = hexadecimal(ofContents: file)
        // Without the record the file is read again next time; nothing else depends on it.
        try? digest.write(toFile: record, atomically: true, encoding: .utf8)
        return digest
    }

    /// Of several digests, in this order, one.
    package static func joined(_ digests: [String]) -> String {
        hexadecimal(SHA256.hash(data: Array(digests.joined(separator: "\n").utf8)))
    }

    private static func hexadecimal(ofContents file: MappedFile) -> String {
        let block = 16 << 20
        var hash = SHA256()
        for start in stride(from: 0, to: file.bytes.count, by: block) {
            let range = start..<min(start + block, file.bytes.count)
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: file.bytes[range]))
            file.releasePages(of: range)
        }
        return hexadecimal(hash.finalize())
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 2 * SHA256.byteCount && text.allSatisfy(\.isHexDigit)
    }
}
