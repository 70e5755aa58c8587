import Inference
public import OrderedJSON
public import Ranking

/// A model's calibration as it is stored: `resift-calibration.json` beside the weights.
///
/// It changes no score by itself: `RerankOptions.calibration` asks for it. It belongs to one model, and to texts like
/// those it was fitted on.
public struct CalibrationFile: Sendable, Equatable {
    public static let name = "resift-calibration.json"

    /// The model that gave the logits, by `ModelDescription.name`.
    public var model: String
    /// What it was fitted on, for people: "scifact, test, bm25+rerank".
    public var source: String
    public var pairs: Int
    public var relevant: Int
    public var platt: PlattScaling
    public var isotonic: IsotonicScaling
    /// On queries that were not fitted: of the logistic function of the logit as it is, and of both scalings.
    public var expectedCalibrationError: (before: Double, platt: Double, isotonic: Double)

    public init(
        model: String, source: String, pairs: Int, relevant: Int, platt: PlattScaling, isotonic: IsotonicScaling,
        expectedCalibrationError: (before: Double, platt: Double, isotonic: Double)
    ) {
        self.model = model
        self.source = source
        self.pairs = pairs
        self.relevant = relevant
        self.platt = platt
        self.isotonic = isotonic
        self.expectedCalibrationError = expectedCalibrationError
    }

    public static func == (a: CalibrationFile, b: CalibrationFile) -> Bool { a.json == b.json }

    public subscript(method: ScoreCalibration.Method) -> ScoreCalibration {
        switch method {
        case .platt: .platt(platt)
        case .isotonic: .isotonic(isotonic)
        }
    }

    /// Throws `corruptFile` where the file does not hold two functions that rise with the logit.
    public init(path: String) throws(RankingError) {
        let fix = "Make it again with `resift evaluate --calibrate`."
        let object = try JSONFile.object(path: path, fix: fix)
        func reader(_ object: JSONObject, _ source: String) -> FieldReader {
            FieldReader(object, source: source, why: "It is no calibration, or was changed by hand.", fix: fix)
        }
        let fields = reader(object, path)
        func section(_ key: String) throws(RankingError) -> FieldReader {
            guard case .object(let section)? = object[key] else { throw fields.corrupt("has no object \(key)") }
            return reader(section, "\(path), \(key),")
        }
        let (line, errors) = (try section("platt"), try section("expected_calibration_error"))
        let slope = try line.double("slope")
        guard slope > 0 else { throw line.corrupt("has slope \(slope), which does not rise") }
        guard case .array(let stored)? = object["isotonic"] else { throw fields.corrupt("has no array isotonic") }
        let points = stored.compactMap { value -> IsotonicScaling.Point? in
            guard case .array(let pair) = value, pair.count == 2, case .number(let score) = pair[0],
                case .number(let probability) = pair[1]
            else { return nil }
            return IsotonicScaling.Point(score: score.double, probability: probability.double)
        }
        guard points.count == stored.count, let isotonic = IsotonicScaling(points: points) else {
            throw fields.corrupt("has isotonic points that are no rising function: pairs of a logit and 0 to 1")
        }
        self.init(
            model: try fields.string("model"), source: try fields.string("source"),
            pairs: try fields.integer("pairs", in: 0...Int.max),
            relevant: try fields.integer("relevant", in: 0...Int.max),
            platt: PlattScaling(slope: slope, intercept: try line.double("intercept")), isotonic: isotonic,
            expectedCalibrationError: (
                try errors.double("before"), try errors.double("platt"), try errors.double("isotonic")
            ))
    }

    public var json: JSONObject {
        func number(_ value: Double) -> JSONValue { JSONNumber(value).map(JSONValue.number) ?? .null }
        var object = JSONObject()
        object["model"] = .string(model)
        object["source"] = .string(source)
        object["pairs"] = .number(JSONNumber(pairs))
        object["relevant"] = .number(JSONNumber(relevant))
        var error = JSONObject()
        error["before"] = number(expectedCalibrationError.before)
        error["platt"] = number(expectedCalibrationError.platt)
        error["isotonic"] = number(expectedCalibrationError.isotonic)
        object["expected_calibration_error"] = .object(error)
        var line = JSONObject()
        line["slope"] = number(platt.slope)
        line["intercept"] = number(platt.intercept)
        object["platt"] = .object(line)
        object["isotonic"] = .array(isotonic.points.map { .array([number($0.score), number($0.probability)]) })
        return object
    }
}

extension Reranker {
    /// The calibration stored beside this model, or in a file of its own.
    ///
    /// Throws RankingError: `notFound` where there is none, `invalidInput` where it belongs to another model.
    public func calibration(_ method: ScoreCalibration.Method, file: String? = nil) throws(RankingError)
        -> ScoreCalibration
    {
        let path = file ?? model.directory + "/" + CalibrationFile.name
        guard FileStatus.isFile(path) else {
            throw RankingError(
                .notFound, what: "There is no calibration \(path).",
                why: "Scores become probabilities by a fit on judged queries.",
                fix: "Make one with `resift evaluate --dataset DIRECTORY --stages bm25+rerank --calibrate`.")
        }
        let stored = try CalibrationFile(path: path)
        guard stored.model == model.name else {
            throw RankingError(
                .invalidInput, what: "\(path) is a calibration of \(stored.model), but the model is \(model.name).",
                why: "The logits of two models are not on one scale.",
                fix: "Name the calibration of this model, or calibrate it with `resift evaluate --calibrate`.")
        }
        return stored[method]
    }
}
