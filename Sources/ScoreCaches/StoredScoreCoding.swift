import Crypto
import Ranking
package import Reranking

/// The bytes that a score is kept as, in files and on servers, where other programs and other versions may write too.
///
///     "RSc" version(1)          4 bytes
///     checksum                  8 bytes: the first of SHA-256(key, payload)
///     payload
///       score kind              1 byte: 0 a model's logits, else the kind's number below
///       tokens, truncated tokens, truncated query tokens      varints
///       passages of logits      varint, then for each: labels (varint) and its Floats (4 bytes each)
///       passages                varint, then for each: start, length (varints)
///
/// Integers are little-endian, varints LEB128. Reading accepts what writing produces and nothing else: the checksum covers
/// the key, so that a value under another's key is refused too. A version that changes anything has another number.
package enum StoredScoreCoding {
    private static let magic: [UInt8] = [0x52, 0x53, 0x63, 1]
    private static let checksumBytes = 8
    /// Larger values are not kept: no document has so many passages, and what a server sends is bounded by it.
    package static let mostBytes = 256 << 10
    /// Numbers that were written stay: kinds are added at the end.
    private static let kinds: [ScoreKind] = [
        .logit, .normalizedRelevance, .calibratedProbability, .rank, .reciprocalRankFusion, .maxSim,
    ]

    /// Nil for what cannot be kept: negative counts, a kind without a number, or more than `mostBytes`.
    package static func bytes(of score: StoredScore, key: ScoreKey) -> [UInt8]? {
        var kind: UInt8 = 0
        if let scoreKind = score.scoreKind {
            guard let place = kinds.firstIndex(of: scoreKind) else { return nil }
            kind = UInt8(place + 1)
        }
        let counts = [score.tokens, score.truncatedTokens, score.truncatedQueryTokens]
        guard counts.allSatisfy({ $0 >= 0 }), score.passages.allSatisfy({ $0.lowerBound >= 0 }) else { return nil }
        var payload: [UInt8] = [kind]
        for count in counts { append(count, to: &payload) }
        append(score.logits.count, to: &payload)
        for logits in score.logits {
            append(logits.count, to: &payload)
            for logit in logits { withUnsafeBytes(of: logit.bitPattern.littleEndian) { payload += $0 } }
        }
        append(score.passages.count, to: &payload)
        for passage in score.passages {
            append(passage.lowerBound, to: &payload)
            append(passage.count, to: &payload)
        }
        let bytes = magic + checksum(payload[...], key) + payload
        return bytes.count <= mostBytes ? bytes : nil
    }

    /// Nil for bytes that `bytes(of:key:)` did not make for this key.
    package static func score(from bytes: [UInt8], key: ScoreKey) -> StoredScore? {
        let start = magic.count + checksumBytes
        guard bytes.count > start, bytes.count <= mostBytes, bytes.starts(with: magic),
            bytes[magic.count..<start].elementsEqual(checksum(bytes[start...], key))
        else { return nil }
        var reader = Reader(rest: bytes[start...])
        guard let kind = reader.byte(), kind <= kinds.count, let tokens = reader.varint(),
            let truncated = reader.varint(), let truncatedQuery = reader.varint(), let rows = reader.count()
        else { return nil }
        var logits: [[Float]] = []
        for _ in 0..<rows {
            guard let labels = reader.count(), let row = reader.floats(labels) else { return nil }
            logits.append(row)
        }
        guard let ranges = reader.count() else { return nil }
        var passages: [Range<Int>] = []
        for _ in 0..<ranges {
            guard let lower = reader.varint(), let length = reader.varint() else { return nil }
            let (upper, overflow) = lower.addingReportingOverflow(length)
            guard !overflow else { return nil }
            passages.append(lower..<upper)
        }
        guard reader.rest.isEmpty else { return nil }
        return StoredScore(
            logits: logits, scoreKind: kind == 0 ? nil : kinds[Int(kind) - 1], passages: passages, tokens: tokens,
            truncatedTokens: truncated, truncatedQueryTokens: truncatedQuery)
    }

    private static func checksum(_ payload: ArraySlice<UInt8>, _ key: ScoreKey) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: key.bytes)
        payload.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize().prefix(checksumBytes))
    }

    /// - Parameter number: From 0.
    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var rest = UInt64(number)
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { rest.popFirst() }

        mutating func varint() -> Int? {
            var number: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 63, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                number |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return Int(number) }
            }
            return nil
        }

        /// Of things that take a byte at least.
        mutating func count() -> Int? {
            guard let count = varint(), count <= rest.count else { return nil }
            return count
        }

        mutating func floats(_ count: Int) -> [Float]? {
            guard rest.count >= 4 * count else { return nil }
            let bytes = rest.prefix(4 * count)
            rest = rest.dropFirst(4 * count)
            return stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).map { start in
                Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) })
            }
        }
    }
}
