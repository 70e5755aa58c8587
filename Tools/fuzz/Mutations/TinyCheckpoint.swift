import Inference

/// A BERT checkpoint of a few kilobytes with random weights, complete with its tokenizer.
///
/// Small enough that damage to any byte has a consequence, and that a test can change one thing and load the rest.
package struct TinyCheckpoint: Sendable {
    package var vocabSize = 40
    package var hiddenSize = 8
    package var layers = 2
    package var heads = 2
    package var intermediateSize = 12
    package var positions = 24
    package var labels = 1
    /// False for a plain encoder, without pooler, classifier and name prefix.
    package var hasHead = true
    package var seed: UInt64 = 1

    /// How weights are stored.
    package enum Storage: String, CaseIterable, Sendable {
        case f32, f16, bf16, i8
    }

    package init() {}

    package var config: [(key: String, value: String)] {
        [
            ("architectures", hasHead ? "[\"BertForSequenceClassification\"]" : "[\"BertModel\"]"),
            ("vocab_size", "\(vocabSize)"), ("hidden_size", "\(hiddenSize)"), ("num_hidden_layers", "\(layers)"),
            ("num_attention_heads", "\(heads)"), ("intermediate_size", "\(intermediateSize)"),
            ("max_position_embeddings", "\(positions)"), ("type_vocab_size", "2"), ("layer_norm_eps", "1e-12"),
            ("hidden_act", "\"gelu\""), ("position_embedding_type", "\"absolute\""), ("is_decoder", "false"),
            ("num_labels", "\(labels)"),
        ]
    }

    package var configText: [UInt8] {
        JSONTree.object(config.map { .init("\"\($0.key)\"", .leaf($0.value)) }).text
    }

    /// Name and shape of every tensor, in the order they are stored.
    package var shapes: [(name: String, shape: [Int])] {
        let prefix = hasHead ? "bert." : ""
        let hidden = hiddenSize
        var shapes: [(String, [Int])] = [
            ("\(prefix)embeddings.word_embeddings.weight", [vocabSize, hidden]),
            ("\(prefix)embeddings.position_embeddings.weight", [positions, hidden]),
            ("\(prefix)embeddings.token_type_embeddings.weight", [2, hidden]),
        ]
        func norm(_ name: String) { shapes += [("\(name).weight", [hidden]), ("\(name).bias", [hidden])] }
        func linear(_ name: String, _ inputs: Int, _ outputs: Int) {
            shapes += [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
        }
        norm("\(prefix)embeddings.LayerNorm")
        for layer in 0..<layers {
            let name = "\(prefix)encoder.layer.\(layer)"
            for part in ["query", "key", "value"] { linear("\(name).attention.self.\(part)", hidden, hidden) }
            linear("\(name).attention.output.dense", hidden, hidden)
            norm("\(name).attention.output.LayerNorm")
            linear("\(name).intermediate.dense", hidden, intermediateSize)
            linear("\(name).output.dense", intermediateSize, hidden)
            norm("\(name).output.LayerNorm")
        }
        if hasHead {
            linear("bert.pooler.dense", hidden, hidden)
            linear("classifier", hidden, labels)
        }
        return shapes
    }

    /// Weights are multiples of 1/64 from -1 to 1, which F16 and BF16 hold exactly; gains of LayerNorm are 1 more.
    package func tensors(_ storage: Storage = .f32) -> [SafetensorsBuilder.Tensor] {
        var random = SplitMix64(seed: seed)
        return shapes.flatMap { name, shape -> [SafetensorsBuilder.Tensor] in
            let offset: Float = name.hasSuffix("LayerNorm.weight") ? 1 : 0
            let values = (0..<shape.reduce(1, *)).map { _ in Float(random.index(129) - 64) / 64 + offset }
            switch storage {
            case .f32: return [.init(name, shape, values)]
            case .f16: return [.init(name, shape, values, as: .f16)]
            case .bf16: return [.init(name, shape, values, as: .bf16)]
            case .i8 where shape.count == 2: return SafetensorsBuilder.Tensor.quantized(name, shape, values)
            case .i8: return [.init(name, shape, values)]
            }
        }
    }

    /// Two shards and the index that names them, by file name.
    package func shards(_ storage: Storage = .f32) -> [String: [UInt8]] {
        let tensors = tensors(storage)
        let halves = [tensors[..<(tensors.count / 2)], tensors[(tensors.count / 2)...]]
        var files: [String: [UInt8]] = [:]
        var map: [JSONTree.Member] = []
        for (number, half) in halves.enumerated() {
            let name = "model-0000\(number + 1)-of-00002.safetensors"
            files[name] = SafetensorsBuilder(Array(half)).bytes
            map += half.map { .init("\"\($0.name)\"", .leaf("\"\(name)\"")) }
        }
        files["model.safetensors.index.json"] =
            JSONTree.object([
                .init("\"metadata\"", .object([.init("\"total_size\"", .leaf("1"))])),
                .init("\"weight_map\"", .object(map)),
            ]).text
        return files
    }

    /// WordPiece with the special tokens at 0 to 4, then letters, then letters that continue a word.
    package var tokenizerText: [UInt8] {
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        let letters = "abcdefghiklmnoprst".map(String.init)
        let tokens = (special + letters + letters.map { "##" + $0 }).prefix(vocabSize)
        let vocabulary = tokens.enumerated().map { JSONTree.Member("\"\($1)\"", .leaf("\($0)")) }
        let added = special.enumerated().map {
            "{\"id\":\($0),\"content\":\"\($1)\",\"single_word\":false,\"lstrip\":false,\"rstrip\":\($0 == 4),"
                + "\"normalized\":false,\"special\":true}"
        }
        func part(_ kind: String, _ id: String, _ type: Int) -> String {
            "{\"\(kind)\":{\"id\":\"\(id)\",\"type_id\":\(type)}}"
        }
        let single = [part("SpecialToken", "[CLS]", 0), part("Sequence", "A", 0), part("SpecialToken", "[SEP]", 0)]
        let pair = single + [part("Sequence", "B", 1), part("SpecialToken", "[SEP]", 1)]
        let specials = [("[CLS]", 2), ("[SEP]", 3)].map {
            "\"\($0)\":{\"id\":\"\($0)\",\"ids\":[\($1)],\"tokens\":[\"\($0)\"]}"
        }
        return JSONTree.object([
            .init("\"added_tokens\"", .leaf("[\(added.joined(separator: ","))]")),
            .init("\"normalizer\"", .leaf("{\"type\":\"BertNormalizer\",\"lowercase\":true}")),
            .init("\"pre_tokenizer\"", .leaf("{\"type\":\"BertPreTokenizer\"}")),
            .init(
                "\"post_processor\"",
                .leaf(
                    "{\"type\":\"TemplateProcessing\",\"single\":[\(single.joined(separator: ","))],"
                        + "\"pair\":[\(pair.joined(separator: ","))],"
                        + "\"special_tokens\":{\(specials.joined(separator: ","))}}")),
            .init(
                "\"model\"",
                .object([
                    .init("\"type\"", .leaf("\"WordPiece\"")), .init("\"unk_token\"", .leaf("\"[UNK]\"")),
                    .init("\"vocab\"", .object(vocabulary)),
                ])),
        ]).text
    }

    /// Every file of the model directory, by name.
    package func files(_ storage: Storage = .f32, sharded: Bool = false) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [
            "config.json": configText, "tokenizer.json": tokenizerText,
            "tokenizer_config.json": Array("{\"model_max_length\": 20}".utf8),
        ]
        if sharded {
            files.merge(shards(storage)) { $1 }
        } else {
            files["model.safetensors"] = SafetensorsBuilder(tensors(storage)).bytes
        }
        if !hasHead {
            let steps = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")].map {
                "{\"path\":\"\($1)\",\"type\":\"sentence_transformers.models.\($0)\"}"
            }
            files["modules.json"] = Array("[\(steps.joined(separator: ","))]".utf8)
            files["1_Pooling/config.json"] = Array(
                "{\"word_embedding_dimension\":\(hiddenSize),\"pooling_mode_mean_tokens\":true}".utf8)
            files["sentence_bert_config.json"] = Array("{\"max_seq_length\":16}".utf8)
        }
        return files
    }
}
