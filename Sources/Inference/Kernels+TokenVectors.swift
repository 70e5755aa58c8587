// Stored token vectors: the third of the three files that import CKernels.

import CKernels

extension Kernels {
    /// Singles to IEEE half precision, rounded to nearest, ties to even.
    package static func narrowF16(_ source: UnsafeBufferPointer<Float>, into out: UnsafeMutablePointer<UInt16>) {
        guard let base = source.baseAddress else { return }
        resift_narrow_f16(base, out, source.count)
    }

    /// The codes of a vector's difference from its centroid; see `resift_residual_encode`.
    package static func encodeResidual(
        _ vector: UnsafePointer<Float>, centroid: UnsafePointer<Float>, bounds: [Float], bits: Int,
        into codes: UnsafeMutablePointer<UInt8>, count: Int
    ) {
        precondition((bits == 2 || bits == 4) && bounds.count == 1 << bits - 1)
        bounds.withUnsafeBufferPointer {
            resift_residual_encode(vector, centroid, $0.baseAddress, UInt32(bits), codes, count)
        }
    }

    /// Vectors from `count` rows of a centroid's number and codes; false where a row names a centroid that there is not.
    package static func decodeResiduals(
        _ rows: UnsafePointer<UInt8>, count: Int, centroids: MatrixView, levels: [Float], bits: Int,
        into out: UnsafeMutablePointer<Float>
    ) -> Bool {
        precondition((bits == 2 || bits == 4) && levels.count == 1 << bits && centroids.stride == centroids.columns)
        return levels.withUnsafeBufferPointer {
            resift_residual_decode(
                rows, count, centroids.base, centroids.rows, $0.baseAddress, UInt32(bits), out, centroids.columns)
        }
    }

    /// Joins the largest product of each row to the row's best so far; see `resift_best_columns`.
    package static func bestColumns(
        of products: MatrixView, first: Int, best: inout [Float], places: inout [UInt32]
    ) {
        precondition(best.count >= products.rows && places.count >= products.rows)
        best.withUnsafeMutableBufferPointer { best in
            places.withUnsafeMutableBufferPointer { places in
                resift_best_columns(
                    products.base, products.stride, products.rows, products.columns, UInt32(first), best.baseAddress,
                    places.baseAddress)
            }
        }
    }

    /// The columns of `centroidMaxSim` are filled up to a multiple of this.
    package static let centroidLanes = Int(RESIFT_CENTROID_LANES)

    /// MaxSim of some of a chunk's passages with each token replaced by its centroid; see `resift_centroid_max_sim`.
    ///
    /// - Parameters:
    ///   - centroids: Each token's, below `similarities.count / width`.
    ///   - starts: Where each passage's tokens begin, and the end of the last one's.
    ///   - similarities: [centroids, width], from 0 to 255.
    package static func centroidMaxSim(
        _ centroids: [UInt16], starts: [UInt32], passages: [UInt16], similarities: [UInt8], width: Int,
        into out: inout [UInt32]
    ) {
        precondition(width % centroidLanes == 0 && out.count >= passages.count)
        centroids.withUnsafeBufferPointer { centroids in
            out.withUnsafeMutableBufferPointer { out in
                resift_centroid_max_sim(
                    centroids.baseAddress, starts, passages, passages.count, similarities, width, out.baseAddress)
            }
        }
    }
}

extension NarrowRows {
    /// Puts in rows that were stored: each of `columns` bytes, a scale and a zero. The format is int8.
    package func set(row: Int, bytes: UnsafePointer<UInt8>, scale: Float, zero: UInt8) {
        precondition(format == .int8 && row >= 0 && row < count)
        (self.bytes + row * stride).update(from: bytes, count: columns)
        scales[row] = resift_row_scale(scale: scale, zero: Int32(zero))
    }

    /// The bytes, the scale and the zero of a row in int8.
    package func stored(row: Int) -> (bytes: UnsafeBufferPointer<UInt8>, scale: Float, zero: UInt8) {
        precondition(format == .int8 && row >= 0 && row < count)
        let scale = scales[row]
        return (
            UnsafeBufferPointer(start: bytes + row * stride, count: columns), scale.scale,
            UInt8(clamping: scale.zero)
        )
    }
}
