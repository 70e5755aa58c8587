import Foundation
import Inference
import OrderedJSON

/// The intact checkpoints that a run damages, each in a directory of its own.
package struct FuzzCorpus: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case safetensors, config, tokenizer

        /// nil for files that are not read.
        init?(file name: String) {
            switch name {
            case "tokenizer.json": self = .tokenizer
            case "config.json", "tokenizer_config.json", "modules.json", "sentence_bert_config.json",
                "1_Pooling/config.json", "1_Dense/config.json", "config_sentence_transformers.json",
                "artifact.metadata":
                self = .config
            default:
                guard name.hasSuffix(".safetensors") || name == "model.safetensors.index.json" else { return nil }
                self = .safetensors
            }
        }
    }

    package struct Model: Sendable {
        package let name: String
        /// What is damaged in it.
        fileprivate let kinds: [Kind]
        package let directory: ScratchDirectory
        package let files: [String: [UInt8]]

        init(_ name: String, _ files: [String: [UInt8]], kinds: [Kind] = Kind.allCases) throws {
            self.name = name
            self.kinds = kinds
            self.files = files
            directory = try ScratchDirectory(files: files)
        }

        /// Names in a fixed order, so that a case picks the same file every time.
        func names(of kind: Kind) -> [String] { files.keys.filter { Kind(file: $0) == kind }.sorted() }
    }

    private let models: [Kind: [Model]]

    /// Those that have files of a kind, in a fixed order.
    package func models(of kind: Kind) -> [Model] { models[kind] ?? [] }

    /// Small checkpoints in every storage, whole and in shards, with and without a head.
    ///
    /// - Parameter fixtures: the folder of the repository's fixtures, to damage those too.
    package init(fixtures: String? = nil) throws {
        var models: [Model] = []
        for storage in TinyCheckpoint.Storage.allCases {
            var tiny = TinyCheckpoint()
            models.append(try Model("tiny-\(storage)", tiny.files(storage)))
            tiny.labels = 3
            models.append(try Model("tiny-\(storage)-sharded", tiny.files(storage, sharded: true)))
            tiny.hasHead = false
            models.append(try Model("tiny-\(storage)-encoder", tiny.files(storage)))
        }
        if let fixtures {
            for family in try FileManager.default.contentsOfDirectory(atPath: fixtures).sorted() {
                let folder = "\(fixtures)/\(family)/model"
                guard FileStatus.isFile(folder + "/config.json") else { continue }
                models.append(try Model(family, FuzzCorpus.files(in: folder)))
            }
            models += try FuzzCorpus.tokenizers(in: fixtures)
        }
        self.models = Dictionary(
            uniqueKeysWithValues: Kind.allCases.map { kind in (kind, models.filter { $0.kinds.contains(kind) }) })
    }

    /// Each tokenizer of the fixtures, with a small model for its ids: those of files, and those of every kind of part.
    private static func tokenizers(in fixtures: String) throws -> [Model] {
        var tiny = TinyCheckpoint()
        tiny.vocabSize = 1_600
        let checkpoint = tiny.files()
        func model(_ name: String, _ tokenizer: [UInt8]) throws -> Model {
            try Model(name, checkpoint.merging(["tokenizer.json": tokenizer]) { $1 }, kinds: [.tokenizer])
        }
        let paths = try FileManager.default.subpathsOfDirectory(atPath: fixtures).sorted()
        let files: [Model] = try paths.filter { $0.hasSuffix("tokenizer.json") || $0.contains("tokenizers/") }
            .compactMap { path in
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(path)")))
                // The real one is large, and has no part that the small ones lack.
                return bytes.count < 400_000 ? try model(path, bytes) : nil
            }
        let lines = try Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/tokenization/parts.jsonl"))
            .split(separator: UInt8(ascii: "\n"))
        let parts: [Model] = try lines.enumerated().map { number, line in
            guard case .object(let part) = try JSONValue.parse(Array(line)), let tokenizer = part["tokenizer"] else {
                throw CocoaError(.fileReadCorruptFile)
            }
            return try model("parts.jsonl, line \(number + 1)", Array(tokenizer.compact.utf8))
        }
        return files + parts
    }

    /// Every file of a model that is read.
    private static func files(in folder: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) where Kind(file: name) != nil {
            files[name] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
        }
        return files
    }

    /// Adds spaces behind the header until the file ends where a page does: a read behind its end leaves the mapping.
    static func endingOnPage(_ file: [UInt8]) -> [UInt8] {
        let page = 16_384
        guard file.count >= 8, file.count % page != 0 else { return file }
        let declared = file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard declared <= UInt64(file.count - 8) else { return file }
        let end = 8 + Int(declared)
        return SafetensorsBuilder.file(
            header: Array(file[8..<end]), padding: page - file.count % page, data: Array(file[end...]))
    }
}
