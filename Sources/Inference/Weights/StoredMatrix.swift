/// A matrix in its stored form (F32, F16, BF16, or I8 with a scale per row), read as Float a few rows at a time.
///
/// Reading one row twice gives the same bits: an embedding table is used this way, straight from the mapped file.
package struct StoredMatrix: Sendable {
    package let rows: Int
    package let columns: Int
    private let tensor: Checkpoint.Tensor
    private let scales: [Float]?

    init(_ tensor: Checkpoint.Tensor, scales: [Float]?) {
        self.tensor = tensor
        self.scales = scales
        let shape = tensor.entry.shape
        rows = shape.first ?? 1
        columns = shape.dropFirst().reduce(1, *)
    }

    /// Writes rows as Float, one after the other. `range` lies in `0..<rows`.
    package func read(rows range: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        let count = range.count * columns
        let itemSize = tensor.entry.type.size
        let start = range.lowerBound * columns * itemSize
        guard count > 0, let base = tensor.bytes.baseAddress else { return }
        let source = UnsafeRawBufferPointer(start: base + start, count: count * itemSize)
        switch tensor.entry.type {
        case .f32:
            UnsafeMutableRawPointer(destination).copyMemory(from: base + start, byteCount: count * itemSize)
        case .f16:
            withAligned(source, as: UInt16.self) { Kernels.convertF16($0, into: destination) }
        case .bf16:
            withAligned(source, as: UInt16.self) { Kernels.convertBF16($0, into: destination) }
        case .i8:
            for row in range {
                let offset = (row - range.lowerBound) * columns
                let integers = UnsafeBufferPointer(
                    start: (base + start + offset).assumingMemoryBound(to: Int8.self), count: columns)
                Kernels.convertI8(integers, scale: scales?[row] ?? 0, into: destination + offset)
            }
        default:
            // Checkpoint.matrix refuses the other types before a StoredMatrix exists.
            preconditionFailure("a \(tensor.entry.type.rawValue) tensor cannot be read as Float")
        }
    }

    package func read(row: Int, into destination: UnsafeMutablePointer<Float>) {
        read(rows: row..<row + 1, into: destination)
    }

    /// The integers of a row and their scale; nil for the floating-point types.
    package func integers(row: Int) -> (values: UnsafePointer<Int8>, scale: Float)? {
        precondition(row >= 0 && row < rows)
        guard let scales, let base = tensor.bytes.baseAddress else { return nil }
        return ((base + row * columns).assumingMemoryBound(to: Int8.self), scales[row])
    }

    /// To be called when all rows have been read for the last time: they no longer count as memory of this process.
    package func releasePages() { tensor.file.file.releasePages(of: tensor.entry.range) }

    /// True if every value is a finite number; reads the whole matrix once, and keeps none of its pages.
    package func allFinite() -> Bool {
        // The largest magnitude of an int8 is 128.
        if let scales { return scales.allSatisfy { ($0 * 128).isFinite } }
        let block = max(1, 65_536 / max(1, columns))
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: block * columns) { buffer in
            guard let base = buffer.baseAddress else { return true }
            var row = 0
            var released = tensor.entry.range.lowerBound
            while row < rows {
                let end = min(rows, row + block)
                read(rows: row..<end, into: base)
                let values = UnsafeBufferPointer(start: base, count: (end - row) * columns)
                guard Kernels.allFinite(values) else { return false }
                row = end
                let read = tensor.entry.range.lowerBound + row * columns * tensor.entry.type.size
                if read - released >= StoredMatrix.pagesToKeep {
                    tensor.file.file.releasePages(of: released..<read)
                    released = read
                }
            }
            return true
        }
    }

    /// Bytes: a table of a large vocabulary does not count as memory of this process because it was looked through.
    private static let pagesToKeep = 16 << 20

    /// The same bytes on a boundary of `Item`; safetensors does not promise one.
    private func withAligned<Item: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, as type: Item.Type, _ body: (UnsafeBufferPointer<Item>) -> Void
    ) {
        let count = source.count / MemoryLayout<Item>.stride
        guard let base = source.baseAddress else { return }
        if Int(bitPattern: base) % MemoryLayout<Item>.alignment == 0 {
            body(UnsafeBufferPointer(start: base.assumingMemoryBound(to: Item.self), count: count))
        } else {
            withUnsafeTemporaryAllocation(of: Item.self, capacity: count) { buffer in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
                body(UnsafeBufferPointer(buffer))
            }
        }
    }
}
