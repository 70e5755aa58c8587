import OrderedJSON
import Reranking
import Resift
import Retrieval

/// What a server says about itself: TEI's `/info`, OpenAI's `/v1/models`.
struct ServerDescription: Sendable {
    let core: ServerCore

    /// Of the default model, in TEI's form; Resift's own members are under `resift`.
    func info() async throws -> JSONValue {
        // Nil for a ranker that runs elsewhere, of which these things are not known.
        let served = try core.models.choose(nil).served
        let reranker = served.model
        let model = reranker?.model
        let limits = core.settings.limits
        var names = JSONObject()
        var numbers = JSONObject()
        for label in 0..<(model?.labels ?? 1) {
            names["\(label)"] = .string("LABEL_\(label)")
            numbers["LABEL_\(label)"] = .count(label)
        }
        var labels = JSONObject()
        labels["id2label"] = .object(names)
        labels["label2id"] = .object(numbers)
        var type = JSONObject()
        type["reranker"] = .object(labels)
        var object = JSONObject()
        object["model_id"] = .string(core.models.defaultName)
        object["model_sha"] = .null
        object["model_dtype"] = served.precision.map { .string($0.rawValue) } ?? .null
        object["served_model_name"] = .string(core.models.defaultName)
        object["model_type"] = .object(type)
        object["max_concurrent_requests"] = .count(limits.maxQueue)
        object["max_input_length"] = model.map { .count($0.maxTokens) } ?? .null
        object["max_batch_tokens"] = reranker.map { .count($0.batchTokenBudget) } ?? .null
        object["max_batch_requests"] = .null
        object["max_client_batch_size"] = .count(limits.maxDocuments)
        object["auto_truncate"] = .bool(core.settings.longDocuments != .refuse)
        object["tokenization_workers"] = .count(core.models.threads)
        object["version"] = .string(ResiftVersion.current)
        object["sha"] = .null
        object["docker_label"] = .null
        object["resift"] = .object(try await own())
        return .object(object)
    }

    private func own() async throws -> JSONObject {
        var object = JSONObject()
        object["version"] = .string(ResiftVersion.current)
        object["models"] = .array(core.models.models.map { .string($0.name) })
        if let search = core.search {
            let counts = try await search.index.read { ($0.documentCount, $0.passageCount) }
            var index = JSONObject()
            index["documents"] = .count(counts.0)
            index["passages"] = .count(counts.1)
            object["index"] = .object(index)
        } else {
            object["index"] = .null
        }
        object["requires_key"] = .bool(core.keys.isRequired)
        return object
    }

    func models() -> JSONValue {
        var object = JSONObject()
        object["object"] = .string("list")
        object["data"] = .array(
            core.models.models.map { served in
                let model = served.model?.model
                var entry = JSONObject()
                entry["id"] = .string(served.name)
                entry["object"] = .string("model")
                entry["created"] = .count(0)
                entry["owned_by"] = .string("resift")
                entry["root"] = .string(model?.name ?? served.ranker.name)
                let aliases = core.models.aliases.filter { $0.value == served.name }.keys.sorted()
                entry["aliases"] = .array(aliases.map(JSONValue.string))
                entry["max_model_len"] = model.map { .count($0.maxTokens) } ?? .null
                entry["precision"] = served.precision.map { .string($0.rawValue) } ?? .null
                entry["explains"] = .bool(served.explainer != nil)
                entry["default"] = .bool(served.name == core.models.defaultName)
                return .object(entry)
            })
        return .object(object)
    }
}
