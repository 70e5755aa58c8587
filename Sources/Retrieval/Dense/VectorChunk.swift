package import Ranking

/// The quantized vectors of consecutive passages, as one row of the index holds them.
///
/// Two blobs make a chunk: codes, `[count, dimension]` signed bytes without gaps, and scales, `[count]` little-endian
/// IEEE 754 singles. Which passages they belong to, and the dimension, are stored beside them.
package struct VectorChunk: Sendable, Hashable {
    /// Rows of a full chunk: 1.5 MB of codes at 384 dimensions, a good size for a blob and for a thread's task.
    package static let maxCount = 4_096

    /// The passage of row 0; row i is passage `firstPassage + i`.
    package let firstPassage: UInt32
    package let dimension: Int
    /// At least one, at most `maxCount`.
    package var count: Int { scales.count }
    package var passages: Range<UInt32> { firstPassage..<firstPassage + UInt32(count) }

    /// Two's complement bytes, row by row.
    package let codes: [UInt8]
    package let scales: [Float]

    /// A chunk of vectors that were just quantized.
    ///
    /// Throws RankingError: `invalidInput` where there are none or too many, where their lengths differ from
    /// `dimension`, or where the passage numbers leave 32 bits.
    package init(
        firstPassage: UInt32, dimension: Int, vectors: [QuantizedVector]
    ) throws(RankingError) {
        if let problem = VectorChunk.problem(firstPassage, vectors.count, dimension) {
            throw VectorChunk.invalid(problem)
        }
        if let index = vectors.firstIndex(where: { $0.codes.count != dimension }) {
            throw VectorChunk.invalid(
                "vector \(index) of a chunk has \(vectors[index].codes.count) numbers, not \(dimension)")
        }
        self.firstPassage = firstPassage
        self.dimension = dimension
        var codes: [UInt8] = []
        codes.reserveCapacity(vectors.count * dimension)
        for vector in vectors { codes.append(contentsOf: vector.codes.lazy.map { UInt8(bitPattern: $0) }) }
        self.codes = codes
        scales = vectors.map(\.scale)
    }

    /// A chunk as it was stored. Its number of rows is that of its scales.
    ///
    /// Throws RankingError: `corruptFile` where the blobs' sizes do not fit together, where a scale is negative or not
    /// finite, where a code is -128, which no vector is quantized to, or where passage numbers leave 32 bits.
    package init(
        firstPassage: UInt32, dimension: Int, codes: [UInt8], scales: [UInt8]
    ) throws(RankingError) {
        let count = scales.count / 4
        guard scales.count % 4 == 0 else {
            throw VectorChunk.corrupt(firstPassage, "has \(scales.count) bytes of scales, no multiple of 4")
        }
        if let problem = VectorChunk.problem(firstPassage, count, dimension) {
            throw VectorChunk.corrupt(firstPassage, "does not hold together: \(problem)")
        }
        guard codes.count == count * dimension else {
            throw VectorChunk.corrupt(
                firstPassage, "has \(codes.count) bytes of codes for \(count) vectors of \(dimension)")
        }
        guard VectorChunk.allAreCodes(codes) else {
            throw VectorChunk.corrupt(firstPassage, "has a code of -128")
        }
        let decoded = VectorChunk.floats(scales)
        guard decoded.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
            throw VectorChunk.corrupt(firstPassage, "has a scale that is negative or not finite")
        }
        self.firstPassage = firstPassage
        self.dimension = dimension
        self.codes = codes
        self.scales = decoded
    }

    /// The scales as they are stored: little-endian, 4 bytes each. (The codes are stored as they are.)
    package var scaleBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * scales.count)
        for scale in scales { withUnsafeBytes(of: scale.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// The quantized vector of a row in `0..<count`.
    package func vector(_ row: Int) -> QuantizedVector {
        QuantizedVector(
            codes: codes[row * dimension..<(row + 1) * dimension].map { Int8(bitPattern: $0) }, scale: scales[row])
    }

    /// `body` sees the codes as signed bytes.
    func withCodes(_ body: (UnsafeBufferPointer<Int8>) -> Void) {
        codes.withUnsafeBytes { body($0.assumingMemoryBound(to: Int8.self)) }
    }

    private static func problem(_ firstPassage: UInt32, _ count: Int, _ dimension: Int) -> String? {
        if !DenseScan.dimensions.contains(dimension) {
            return "a dimension is in \(DenseScan.dimensions), and \(dimension) was given"
        }
        if !(1...maxCount).contains(count) { return "a chunk has 1 to \(maxCount) vectors, and \(count) were given" }
        if count > Int(UInt32.max - firstPassage) { return "passage \(firstPassage) + \(count) is beyond 32 bits" }
        return nil
    }

    /// A plain loop without an exit, which becomes vector instructions: an index of a million vectors is read in
    /// milliseconds.
    private static func allAreCodes(_ bytes: [UInt8]) -> Bool {
        var isOutside: UInt8 = 0
        for byte in bytes { isOutside |= byte == 0x80 ? 1 : 0 }
        return isOutside == 0
    }

    private static func floats(_ bytes: [UInt8]) -> [Float] {
        bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { index in
                let bits = raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
                return Float(bitPattern: UInt32(littleEndian: bits))
            }
        }
    }

    private static func invalid(_ problem: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(problem.prefix(1).uppercased())\(problem.dropFirst()).",
            why: "Vectors are stored in chunks of one dimension.", fix: "Give vectors that one model made.")
    }

    private static func corrupt(_ firstPassage: UInt32, _ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "The vector chunk of passage \(firstPassage) \(problem).",
            why: "The index was damaged, or written by something else.", fix: "Build the index again.")
    }
}
