import Inference
import OrderedJSON
import Ranking
import Tokenizers

/// A model in the Hugging Face layout: a directory with config.json, tokenizer.json and safetensors weights.
struct ModelDirectory {
    let path: String
    let config: JSONObject
    let architecture: ModelArchitecture
    let tokenizer: Tokenizer
    /// The tokenizer's own limit; nil where the file has none, or a number that stands for none.
    let tokenizerMaxLength: Int?

    var configPath: String { path + "/config.json" }

    init(path: String) throws(RankingError) {
        guard FileStatus.isDirectory(path) else {
            throw RankingError(
                .notFound, what: "There is no model directory \(path).",
                why: "A model is a directory with config.json, tokenizer.json and model.safetensors.",
                fix: "Check the path, or leave the model out to use the one inside the package.")
        }
        self.path = path
        for name in ["config.json", "tokenizer.json"] where !FileStatus.isFile(path + "/" + name) {
            throw RankingError(
                .notFound, what: "\(path) has no \(name).",
                why: "A model is a directory with config.json, tokenizer.json and model.safetensors.",
                fix: "Download the missing file from the model's own repository.")
        }
        config = try JSONFile.object(path: path + "/config.json")
        architecture = try ModelArchitecture(config, path: path + "/config.json")
        let tokenizerPath = path + "/tokenizer.json"
        tokenizer = try Tokenizer.load(JSONFile.value(path: tokenizerPath), source: tokenizerPath)
        let tokenizerConfig = try JSONFile.objectIfPresent(path: path + "/tokenizer_config.json")
        tokenizerMaxLength = ModelDirectory.limit(tokenizerConfig["model_max_length"])
    }

    /// `model_max_length` can be 1000000000000000019884624838656, which means "none" and does not fit Int.
    private static func limit(_ value: JSONValue?) -> Int? {
        guard case .number(let number)? = value, let limit = number.int, limit > 0 else { return nil }
        return limit
    }
}
