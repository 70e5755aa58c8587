public import Inference
public import OrderedJSON
public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What scoring costs with one model on one machine: `ms = call + Σ (token · n + pair · n²)` over sequences of n tokens.
///
/// Linear layers cost by the token, attention by pairs of tokens of a sequence.
public struct CostModel: Sendable, Equatable {
    /// Milliseconds of a call, whatever it holds.
    public var call: Double
    /// Milliseconds for a token.
    public var token: Double
    /// Milliseconds for a pair of tokens of one sequence.
    public var pair: Double

    public init(call: Double, token: Double, pair: Double) {
        self.call = call
        self.token = token
        self.pair = pair
    }

    /// What a sequence adds to a call.
    public func milliseconds(tokens: Int) -> Double {
        let n = Double(tokens)
        return token * n + pair * n * n
    }

    /// One measured call.
    public struct Sample: Sendable, Equatable {
        /// Tokens of each sequence; all are equally long.
        public var tokens: Int
        public var sequences: Int
        public var milliseconds: Double

        public init(tokens: Int, sequences: Int, milliseconds: Double) {
            self.tokens = tokens
            self.sequences = sequences
            self.milliseconds = milliseconds
        }
    }

    /// The coefficients from 0 that fit measured calls best, by least squares of the relative errors.
    ///
    /// Nil for fewer than three samples, or none that takes time.
    public init?(fitting samples: [Sample]) {
        let rows = samples.filter { $0.milliseconds > 0 }.map { sample -> [Double] in
            let (n, count) = (Double(sample.tokens), Double(sample.sequences))
            // Divided by what was measured, so that long calls do not count more.
            return [1, count * n, count * n * n].map { $0 / sample.milliseconds }
        }
        guard rows.count >= 3 else { return nil }
        // A coefficient that would be negative is left out, the smallest first.
        var used = [0, 1, 2]
        while !used.isEmpty {
            guard let values = CostModel.solve(rows, used) else { return nil }
            guard let least = values.indices.min(by: { values[$0] < values[$1] }), values[least] < 0 else {
                var coefficients = [0.0, 0, 0]
                for (place, value) in zip(used, values) { coefficients[place] = value }
                self.init(call: coefficients[0], token: coefficients[1], pair: coefficients[2])
                return
            }
            used.remove(at: least)
        }
        return nil
    }

    /// x of the columns used that brings every row's sum nearest to 1: AᵀA x = Aᵀ1, by elimination with pivots.
    private static func solve(_ rows: [[Double]], _ used: [Int]) -> [Double]? {
        // Columns differ by orders of magnitude.
        let scales = used.map { column in rows.reduce(0) { max($0, abs($1[column])) } }
        guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        let size = used.count
        var matrix = (0..<size).map { i in
            (0...size).map { j in
                rows.reduce(0.0) { sum, row in
                    let left = row[used[i]] / scales[i]
                    return sum + left * (j == size ? 1 : row[used[j]] / scales[j])
                }
            }
        }
        for column in 0..<size {
            let pivot = (column..<size).max { abs(matrix[$0][column]) < abs(matrix[$1][column]) } ?? column
            guard abs(matrix[pivot][column]) > 1e-12 else { return nil }
            matrix.swapAt(column, pivot)
            for row in 0..<size where row != column {
                let factor = matrix[row][column] / matrix[column][column]
                for j in column...size { matrix[row][j] -= factor * matrix[column][j] }
            }
        }
        return (0..<size).map { matrix[$0][size] / matrix[$0][$0] / scales[$0] }
    }
}

/// A cost model as `resift profile` stores it in the user's cache: one file for each model, kernel variant,
/// precision and number of threads.
public struct CostProfile: Sendable, Equatable {
    public var model: String
    public var kernels: String
    public var precision: Precision
    public var threads: Int
    public var cost: CostModel
    public var samples: [CostModel.Sample]

    public init(
        model: String, kernels: String, precision: Precision, threads: Int, cost: CostModel,
        samples: [CostModel.Sample]
    ) {
        self.model = model
        self.kernels = kernels
        self.precision = precision
        self.threads = threads
        self.cost = cost
        self.samples = samples
    }

    /// Throws `corruptFile` where the file is damaged.
    public init(path: String) throws(RankingError) {
        let fix = "Delete it, or make it again with `resift profile`."
        let object = try JSONFile.object(path: path, fix: fix)
        func reader(_ object: JSONObject, _ source: String) -> FieldReader {
            FieldReader(object, source: source, why: "It is no profile, or was changed by hand.", fix: fix)
        }
        let fields = reader(object, path)
        guard case .object(let stored)? = object["milliseconds"], case .array(let list)? = object["samples"] else {
            throw fields.corrupt("has no object milliseconds or no array samples")
        }
        let cost = reader(stored, "\(path), milliseconds,")
        func coefficient(_ key: String) throws(RankingError) -> Double {
            let value = try cost.double(key)
            guard value >= 0 else { throw cost.corrupt("has \(key) \(value), less than 0") }
            return value
        }
        samples = []
        for value in list {
            guard case .object(let sample) = value else { throw fields.corrupt("has a sample that is no object") }
            let sampleFields = reader(sample, "\(path), samples,")
            samples.append(
                CostModel.Sample(
                    tokens: try sampleFields.integer("tokens", in: 1...1_000_000),
                    sequences: try sampleFields.integer("sequences", in: 1...1_000_000),
                    milliseconds: try sampleFields.double("milliseconds")))
        }
        model = try fields.string("model")
        kernels = try fields.string("kernels")
        guard let precision = Precision(rawValue: try fields.string("precision")) else {
            throw fields.corrupt("has an unknown precision")
        }
        self.precision = precision
        threads = try fields.integer("threads", in: 1...100_000)
        self.cost = CostModel(
            call: try coefficient("call"), token: try coefficient("token"), pair: try coefficient("pair"))
    }

    public var json: JSONObject {
        func number(_ value: Double) -> JSONValue { JSONNumber(value).map(JSONValue.number) ?? .null }
        var object = JSONObject()
        object["model"] = .string(model)
        object["kernels"] = .string(kernels)
        object["precision"] = .string(precision.rawValue)
        object["threads"] = .number(JSONNumber(threads))
        var milliseconds = JSONObject()
        milliseconds["call"] = number(cost.call)
        milliseconds["token"] = number(cost.token)
        milliseconds["pair"] = number(cost.pair)
        object["milliseconds"] = .object(milliseconds)
        object["samples"] = .array(
            samples.map { sample in
                var object = JSONObject()
                object["tokens"] = .number(JSONNumber(sample.tokens))
                object["sequences"] = .number(JSONNumber(sample.sequences))
                object["milliseconds"] = number(sample.milliseconds)
                return .object(object)
            })
        return object
    }

    /// Writes it where `Reranker.load` looks for it, in place of an older one, and returns the path.
    public func store() throws(RankingError) -> String {
        let folder = try UserCache.folder(
            "profiles", alternative: "Set XDG_CACHE_HOME to a folder that can be written.")
        let path = folder + "/" + fileName
        do {
            try (JSONValue.object(json).pretty + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw RankingError(
                .storage, what: "\(path) cannot be written.", why: "The system refused it: \(error)",
                fix: "Check the permissions and the space of the folder.", cause: error)
        }
        return path
    }

    /// What this machine's profile says of a model; nil where it was not profiled.
    public static func stored(_ model: ModelDescription, threads: Int) throws(RankingError) -> CostProfile? {
        guard let cache = UserCache.directory else { return nil }
        let none = CostProfile(
            model: model.name, kernels: model.kernels, precision: model.precision, threads: threads,
            cost: CostModel(call: 0, token: 0, pair: 0), samples: [])
        let path = "\(cache)/profiles/\(none.fileName)"
        guard FileStatus.isFile(path) else { return nil }
        return try CostProfile(path: path)
    }

    /// Of a model's name, what a file name can hold.
    private var fileName: String {
        let safe = model.utf8.map { byte -> String in
            let isPlain =
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
            return isPlain || byte == UInt8(ascii: "-") ? String(UnicodeScalar(byte)) : "_" + String(byte, radix: 16)
        }
        return "\(safe.joined())-\(kernels)-\(precision.rawValue)-\(threads).json"
    }
}
