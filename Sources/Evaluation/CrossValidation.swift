/// Chooses a setting by a measure, and says what the choice is worth on queries that it was not chosen by.
///
/// The queries are dealt out to folds. For each fold, the setting with the best mean on all others is taken, and its
/// values on the fold itself are kept: the mean of these is the held-out figure. The figure of the setting that is best
/// on all queries is higher, and promises too much, because it was picked for them.
public struct CrossValidation: Sendable {
    public struct Outcome: Sendable, Equatable {
        /// The best setting on all queries; the first among equals.
        public var best: Int
        /// Its mean on the queries it was chosen by.
        public var tuned: Double
        /// The mean on queries that the settings were not chosen by.
        public var heldOut: Double
        /// The setting that each fold's other queries chose.
        public var chosen: [Int]
    }

    /// At least 2.
    public var folds: Int

    public init(folds: Int = 5) { self.folds = max(2, folds) }

    /// The fold of a query, by its position: neighbours, which are often about one thing, go to different folds.
    public func fold(_ query: Int) -> Int { query % folds }

    /// - Parameter values: For each setting the values of all queries, in one order. At least one of both, and as many
    ///   queries as folds; nil otherwise.
    public func choose(_ values: [[Double]]) -> Outcome? {
        guard let queries = values.first?.count, queries >= folds, values.allSatisfy({ $0.count == queries }) else {
            return nil
        }
        var sum = 0.0
        var chosen: [Int] = []
        for fold in 0..<folds {
            let best = CrossValidation.best(values) { self.fold($0) != fold }
            chosen.append(best)
            for query in 0..<queries where self.fold(query) == fold { sum += values[best][query] }
        }
        let best = CrossValidation.best(values) { _ in true }
        return Outcome(
            best: best, tuned: values[best].reduce(0, +) / Double(queries), heldOut: sum / Double(queries),
            chosen: chosen)
    }

    private static func best(_ values: [[Double]], _ counts: (Int) -> Bool) -> Int {
        let sums = values.map { row in row.indices.reduce(0.0) { $0 + (counts($1) ? row[$1] : 0) } }
        var best = 0
        // Sums in another order may differ in the last bits; that is no reason to prefer the later setting.
        for place in sums.indices where sums[place] > sums[best] + 1e-9 { best = place }
        return best
    }
}

/// The settings that no other one beats in both quality and latency.
public enum ParetoFront {
    /// Positions, by ascending latency; of equal points the first.
    public static func of(_ points: [(quality: Double, milliseconds: Double)]) -> [Int] {
        let order = points.indices.sorted { a, b in
            let (x, y) = (points[a], points[b])
            if x.milliseconds != y.milliseconds { return x.milliseconds < y.milliseconds }
            return x.quality != y.quality ? x.quality > y.quality : a < b
        }
        var front: [Int] = []
        var best = -Double.infinity
        for place in order where points[place].quality > best {
            best = points[place].quality
            front.append(place)
        }
        return front
    }
}
