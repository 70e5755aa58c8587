import Inference
import Ranking

/// Writes the token vectors of passages in one form, and reads them for MaxSim.
struct TokenVectorCodec: Sendable {
    let form: TokenVectorForm
    let dimension: Int
    /// What residuals are differences from; nil for the other forms.
    private let residuals: (centroids: Centroids, levels: ResidualLevels)?
    private let kernels: Kernels

    var bytesPerVector: Int { form.bytesPerVector(dimension: dimension) }

    /// Of a form without residuals.
    init(_ form: TokenVectorForm, dimension: Int, kernels: Kernels) {
        precondition(form.residualBits == nil)
        self.form = form
        self.dimension = dimension
        self.kernels = kernels
        residuals = nil
    }

    /// - Parameter levels: Of a form with residuals; otherwise unused.
    init(_ form: TokenVectorForm, _ centroids: Centroids, _ levels: ResidualLevels?, kernels: Kernels) {
        self.form = form
        dimension = centroids.dimension
        self.kernels = kernels
        residuals = form.residualBits == nil ? nil : levels.map { (centroids, $0) }
        precondition(form.residualBits == nil || residuals != nil)
    }

    /// The bytes of vectors, one after the other.
    ///
    /// - Parameter nearest: The number of each vector's centroid; read for residuals only.
    func encode(_ vectors: [Float], nearest: [UInt16]) -> [UInt8] {
        let count = vectors.count / dimension
        return [UInt8](unsafeUninitializedCapacity: count * bytesPerVector) { bytes, initialized in
            initialized = bytes.count
            guard let out = bytes.baseAddress else { return }
            vectors.withUnsafeBufferPointer { vectors in
                guard let base = vectors.baseAddress else { return }
                switch form {
                case .float32: TokenVectorCodec.putLittleEndian(vectors.lazy.map(\.bitPattern), at: out)
                case .float16:
                    var halves = [UInt16](repeating: 0, count: vectors.count)
                    halves.withUnsafeMutableBufferPointer {
                        if let halves = $0.baseAddress { Kernels.narrowF16(vectors, into: halves) }
                    }
                    TokenVectorCodec.putLittleEndian(halves, at: out)
                case .int8:
                    let rows = NarrowRows(.int8, rows: count, columns: dimension)
                    kernels.narrow(MatrixView(base, rows: count, columns: dimension), into: rows)
                    for row in 0..<count {
                        let stored = rows.stored(row: row)
                        let place = out + row * bytesPerVector
                        if let source = stored.bytes.baseAddress { place.update(from: source, count: dimension) }
                        TokenVectorCodec.putLittleEndian([stored.scale.bitPattern], at: place + dimension)
                        place[dimension + 4] = stored.zero
                    }
                case .residual4, .residual2:
                    guard let (centroids, levels) = residuals, let bits = form.residualBits else { return }
                    for row in 0..<count {
                        let place = out + row * bytesPerVector
                        TokenVectorCodec.putLittleEndian([nearest[row]], at: place)
                        centroids.withCentroid(Int(nearest[row])) { centroid in
                            Kernels.encodeResidual(
                                base + row * dimension, centroid: centroid, bounds: levels.bounds, bits: bits,
                                into: place + 2, count: dimension)
                        }
                    }
                }
            }
        }
    }

    /// Vectors in single precision from their bytes. Throws `corruptFile` where these are no whole vectors, or name a
    /// centroid that there is not.
    func decode(_ bytes: UnsafeBufferPointer<UInt8>, into out: UnsafeMutablePointer<Float>) throws(RankingError) {
        let count = try count(of: bytes.count)
        guard let base = bytes.baseAddress else { return }
        switch form {
        case .float32:
            for place in 0..<count * dimension {
                out[place] = Float(bitPattern: TokenVectorCodec.littleEndian(base + 4 * place))
            }
        case .float16:
            var halves = [UInt16](repeating: 0, count: count * dimension)
            for place in halves.indices { halves[place] = TokenVectorCodec.littleEndian(base + 2 * place) }
            halves.withUnsafeBufferPointer { Kernels.convertF16($0, into: out) }
        case .int8:
            for row in 0..<count {
                let stored = base + row * bytesPerVector
                let scale = Float(bitPattern: TokenVectorCodec.littleEndian(stored + dimension))
                let zero = Float(stored[dimension + 4])
                for place in 0..<dimension { out[row * dimension + place] = scale * (Float(stored[place]) - zero) }
            }
        case .residual4, .residual2:
            guard let (centroids, levels) = residuals, let bits = form.residualBits else { return }
            let isWhole = centroids.values.withUnsafeBufferPointer { values in
                values.baseAddress.map {
                    Kernels.decodeResiduals(
                        base, count: count, centroids: MatrixView($0, rows: centroids.count, columns: dimension),
                        levels: levels.levels, bits: bits, into: out)
                } ?? false
            }
            guard isWhole else { throw IndexProperty.corrupt("has a token vector of a centroid that is not there") }
        }
        guard Kernels.allFinite(UnsafeBufferPointer(start: out, count: count * dimension)) else {
            throw IndexProperty.corrupt("has a token vector that is not made of finite numbers")
        }
    }

    /// The vectors of some passages, ready for MaxSim.
    ///
    /// - Parameter inBytes: Vectors of int8 are compared as they are stored. That is several times as fast, and rounds the
    ///   query's vectors to bytes too.
    func block(_ bytes: UnsafeBufferPointer<UInt8>, inBytes: Bool = false) throws(RankingError) -> TokenVectorBlock {
        let count = try count(of: bytes.count)
        guard inBytes, form == .int8, let base = bytes.baseAddress else {
            let buffer = FloatBuffer(count: count * dimension)
            try decode(bytes, into: buffer.writable)
            return .single(buffer)
        }
        let rows = NarrowRows(.int8, rows: count, columns: dimension)
        for row in 0..<count {
            let stored = base + row * bytesPerVector
            let scale = Float(bitPattern: TokenVectorCodec.littleEndian(stored + dimension))
            guard scale.isFinite, scale >= 0 else {
                throw IndexProperty.corrupt("has a token vector that is not made of finite numbers")
            }
            rows.set(row: row, bytes: stored, scale: scale, zero: stored[dimension + 4])
        }
        return .narrow(rows)
    }

    /// How many vectors bytes hold.
    func count(of bytes: Int) throws(RankingError) -> Int {
        guard bytes % bytesPerVector == 0 else {
            throw IndexProperty.corrupt("has \(bytes) bytes where token vectors of \(bytesPerVector) bytes belong")
        }
        return bytes / bytesPerVector
    }

    /// The numbers of the centroids that whole vectors name; nil for the forms that name none.
    func numbers(in bytes: [UInt8]) -> [UInt16]? {
        guard form.residualBits != nil else { return nil }
        return stride(from: 0, to: bytes.count, by: bytesPerVector).map { place in
            UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
        }
    }

    private static func putLittleEndian(
        _ values: some Sequence<some FixedWidthInteger>, at place: UnsafeMutablePointer<UInt8>
    ) {
        var place = UnsafeMutableRawPointer(place)
        for value in values {
            place.storeBytes(of: value.littleEndian, as: type(of: value))
            place += MemoryLayout.size(ofValue: value)
        }
    }

    private static func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ place: UnsafePointer<UInt8>
    ) -> Value {
        Value(littleEndian: UnsafeRawPointer(place).loadUnaligned(as: Value.self))
    }
}
