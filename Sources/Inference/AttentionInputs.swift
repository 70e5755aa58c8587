/// What `Kernels.attention` takes besides queries.
extension Kernels {
    /// Keys and values of consecutive tokens, for one head.
    package struct KeysValues {
        package var key: MatrixView
        package var value: MatrixView

        package init(key: MatrixView, value: MatrixView) {
            precondition(key.rows == value.rows && key.columns == value.columns)
            self.key = key
            self.value = value
        }
    }

    /// Which keys a query sees: those up to `before` places before its own and `after` places behind it; the first
    /// query's place among the keys is `first`.
    package struct Reach {
        package var first: Int
        package var before: Int
        package var after: Int

        package init(first: Int, before: Int, after: Int) {
            self.first = first
            self.before = before
            self.after = after
        }
    }

    /// What the distance of query and key adds to their score: with t = buckets[query - key],
    /// keys[t] · q + queries[t] · k.
    package struct RelativePositions {
        package var keys: PackedMatrix
        package var queries: PackedMatrix
        /// Points at the bucket of distance 0.
        package var buckets: UnsafePointer<Int32>

        package init(keys: PackedMatrix, queries: PackedMatrix, buckets: UnsafePointer<Int32>) {
            precondition(keys.outputs == queries.outputs && keys.inputs == queries.inputs)
            self.keys = keys
            self.queries = queries
            self.buckets = buckets
        }
    }
}
