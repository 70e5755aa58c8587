/// A read-only row-major matrix somewhere in memory that outlives the call it is passed to.
package struct MatrixView {
    package var base: UnsafePointer<Float>
    package var rows: Int
    package var columns: Int
    /// Elements from the start of one row to the start of the next.
    package var stride: Int

    package init(_ base: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    package subscript(row: Int) -> UnsafePointer<Float> { base + row * stride }

    package func rows(_ range: Range<Int>) -> MatrixView {
        MatrixView(self[range.lowerBound], rows: range.count, columns: columns, stride: stride)
    }

    package func columns(_ range: Range<Int>) -> MatrixView {
        MatrixView(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}

/// A writable row-major matrix.
package struct MutableMatrixView {
    package var base: UnsafeMutablePointer<Float>
    package var rows: Int
    package var columns: Int
    package var stride: Int

    package init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    package subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

    package var readOnly: MatrixView { MatrixView(base, rows: rows, columns: columns, stride: stride) }

    package func rows(_ range: Range<Int>) -> MutableMatrixView {
        MutableMatrixView(self[range.lowerBound], rows: range.count, columns: columns, stride: stride)
    }

    /// The rows as one array, without the gaps that a stride leaves.
    package var values: [Float] {
        [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            for row in 0..<rows { (start + row * columns).initialize(from: self[row], count: columns) }
            count = rows * columns
        }
    }

    package func columns(_ range: Range<Int>) -> MutableMatrixView {
        MutableMatrixView(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}

/// A writable row-major matrix of bfloat16.
package struct HalfMatrixView {
    package var base: UnsafeMutablePointer<UInt16>
    package var rows: Int
    package var columns: Int
    package var stride: Int

    /// A row's room where numbers are written: the kernels fill rows up.
    package static func paddedWidth(_ columns: Int) -> Int {
        (columns + Kernels.operandStep - 1) / Kernels.operandStep * Kernels.operandStep
    }

    package func rows(_ range: Range<Int>) -> HalfMatrixView {
        HalfMatrixView(base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    package func columns(_ range: Range<Int>) -> HalfMatrixView {
        HalfMatrixView(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}
