import Inference
public import OrderedJSON
public import Ranking

/// A small head on an early layer of a cross-encoder, which predicts what logit a pair will get, and knows how far it is
/// wrong:
///
///     prediction = w · [h_first; mean of the query's h; mean of the passage's h] + b
///
/// with the hidden states h after `layer` layers, width H, and w of 3H numbers. It is fitted by ridge regression to the
/// model's own logits (`Reranker.fitLayerExit`), so that it needs no judgements. It belongs to one model.
public struct LayerExit: Sendable, Equatable {
    /// The file beside the model's weights.
    public static let name = "resift-layer-exit.json"

    /// The model that it was fitted to, by `ModelDescription.name`.
    public var model: String
    /// Layers that a pair goes through before it is judged.
    public var layer: Int
    /// Pairs that it was fitted to.
    public var pairs: Int
    /// Root mean square of prediction - logit, on pairs of queries that were not fitted.
    public var error: Double
    /// Pearson's correlation of prediction and logit on the same pairs.
    public var correlation: Double
    var weights: [Float]
    var bias: Float

    func callAsFunction(_ summary: [Float]) -> Float {
        var sum = bias
        for (weight, value) in zip(weights, summary) { sum += weight * value }
        return sum
    }
}

/// How a layer exit prunes: a pair ends at the early layer where
///
///     prediction + margin * error < the logit of the `top`-th best document so far
///
/// Documents are judged in the order given, so that a good first stage prunes more. A document that has a score has its
/// exact score; what is approximate is which documents have one.
public struct LayerExitPruning: Sendable, Equatable {
    public var head: LayerExit
    /// How many of the best documents are wanted.
    public var top: Int
    /// In standard errors of the head. With 2, one pair in 44 that belongs among the best is lost if errors are normal.
    public var margin: Double

    public init(head: LayerExit, top: Int = 10, margin: Double = 2) {
        self.head = head
        self.top = top
        self.margin = margin
    }
}

extension LayerExit {
    /// Throws `corruptFile` where the file does not hold a head.
    public init(path: String) throws(RankingError) {
        let fix = "Make it again with `resift models fit-exit`."
        let object = try JSONFile.object(path: path, fix: fix)
        let fields = FieldReader(object, source: path, why: "It is no layer exit, or was changed by hand.", fix: fix)
        model = try fields.string("model")
        layer = try fields.integer("layer", in: 1...1_000)
        pairs = try fields.integer("pairs", in: 0...Int.max)
        error = try fields.double("error")
        correlation = try fields.double("correlation")
        bias = Float(try fields.double("bias"))
        guard error >= 0 else { throw fields.corrupt("has error \(error), less than 0") }
        guard case .array(let stored)? = object["weights"] else { throw fields.corrupt("has no array weights") }
        weights = stored.compactMap { value in
            guard case .number(let number) = value else { return nil }
            return Float(number.double)
        }
        guard weights.count == stored.count, weights.allSatisfy(\.isFinite), bias.isFinite else {
            throw fields.corrupt("has a weight that is not a finite number")
        }
    }

    public var json: JSONObject {
        func number(_ value: Double) -> JSONValue { JSONNumber(value).map(JSONValue.number) ?? .null }
        var object = JSONObject()
        object["model"] = .string(model)
        object["layer"] = .number(JSONNumber(layer))
        object["pairs"] = .number(JSONNumber(pairs))
        object["error"] = number(error)
        object["correlation"] = number(correlation)
        object["bias"] = number(Double(bias))
        object["weights"] = .array(weights.map { number(Double($0)) })
        return object
    }
}

extension Reranker {
    /// The layer exit stored beside this model, or in a file of its own.
    ///
    /// Throws RankingError: `notFound` where there is none, `invalidInput` where it belongs to another model.
    public func layerExit(file: String? = nil) throws(RankingError) -> LayerExit {
        let path = file ?? model.directory + "/" + LayerExit.name
        guard FileStatus.isFile(path) else {
            throw RankingError(
                .notFound, what: "There is no layer exit \(path).",
                why: "Pairs are judged early by a head that is fitted to the model.",
                fix: "Make one with `resift models fit-exit`.")
        }
        let head = try LayerExit(path: path)
        try check(head)
        return head
    }

    func check(_ head: LayerExit) throws(RankingError) {
        guard head.model == model.name, head.weights.count == 3 * model.hiddenSize, head.layer < model.layers else {
            throw RankingError(
                .invalidInput,
                what: "The layer exit is one of \(head.model), layer \(head.layer); the model is \(model.name).",
                why: "It reads the hidden states of one model, before its last layer.",
                fix: "Name the layer exit of this model, or make one with `resift models fit-exit`.")
        }
    }
}
