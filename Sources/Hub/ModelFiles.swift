import Ranking

/// Which files of a repository Resift reads.
enum ModelFiles {
    /// In the repository itself, or in the folder of one of its steps ("1_Pooling").
    private static let names: Set<String> = [
        "config.json", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json", "model.safetensors",
        "model.safetensors.index.json",
    ]
    /// In the repository itself.
    private static let rootNames: Set<String> = [
        "modules.json", "config_sentence_transformers.json", "artifact.metadata", "selftest.json",
    ]

    /// The files to download, in the repository's order.
    ///
    /// Throws RankingError: `corruptFile` where a name leads out of the repository, `unsupportedModel` where there are
    /// no weights in safetensors or no config.json.
    static func needed(of files: [String], _ model: ModelReference) throws(RankingError) -> [String] {
        if let unsafe = files.first(where: { !isSafe($0) }) {
            throw RankingError(
                .corruptFile, what: "\(model) has a file called \"\(unsafe.prefix(200))\".",
                why: "Such a name leads out of the model's folder, and could overwrite other files of yours.",
                fix: "Do not use this model; report it to the hub.")
        }
        let single = Set(files.filter { $0.hasSuffix("model.safetensors") })
        let needed = files.filter { file in
            let (folder, name) = split(file)
            guard folder.isEmpty || isStep(folder) else { return false }
            // Where the weights are in one file as well as in parts, the one file is read.
            let isPart = isShard(name) || name == "model.safetensors.index.json"
            if isPart { return !single.contains(folder.isEmpty ? "model.safetensors" : folder + "/model.safetensors") }
            return names.contains(name)
                || folder.isEmpty
                    && (rootNames.contains(name) || name.hasPrefix("resift-") && name.hasSuffix(".json"))
        }
        try check(needed, of: files, model)
        return needed
    }

    private static func check(_ needed: [String], of files: [String], _ model: ModelReference) throws(RankingError) {
        guard needed.contains(where: { split($0).name == "config.json" && !isModule(split($0).folder) }) else {
            throw RankingError(
                .unsupportedModel, what: "\(model) has no config.json.",
                why: "Resift reads from it which architecture the model has.", fix: "Use another model.")
        }
        guard needed.contains(where: { $0.hasSuffix(".safetensors") && !isModule(split($0).folder) }) else {
            let others = files.filter { file in
                [".bin", ".onnx", ".h5", ".gguf", ".msgpack", ".pt"].contains { file.hasSuffix($0) }
            }
            throw RankingError(
                .unsupportedModel, what: "\(model) has no weights in safetensors.",
                why: others.isEmpty
                    ? "Resift reads weights in that format only."
                    : "It has \(others.prefix(3).joined(separator: ", ")); Resift reads safetensors only, and a pickled file can run code when opened.",
                fix: """
                    Look for a revision with model.safetensors (refs/pr/N is one that a pull request made), or convert it \
                    with save_pretrained(safe_serialization=True) and give --model the directory.
                    """)
        }
    }

    /// What a snapshot lacks to be loaded; nil where nothing is missing that every model has.
    static func missing(in snapshot: String, isFile: (String) -> Bool, files: (String) -> [String]) -> String? {
        // Older sentence-transformers keep the model in a folder of its own.
        let step = files(snapshot).first { isStep($0) && !isModule($0) && isFile("\(snapshot)/\($0)/config.json") }
        let folder = isFile("\(snapshot)/config.json") ? snapshot : step.map { "\(snapshot)/\($0)" } ?? snapshot
        for name in ["config.json", "tokenizer.json"] where !isFile("\(folder)/\(name)") { return name }
        if isFile("\(folder)/model.safetensors") { return nil }
        guard isFile("\(folder)/model.safetensors.index.json") else { return "model.safetensors" }
        // "model-00001-of-00003.safetensors" says how many there have to be.
        let shards = files(folder).filter { isShard($0) && isFile("\(folder)/\($0)") }
        let count = shards.first.flatMap { Int($0.dropLast(".safetensors".count).suffix(5)) }
        return count == shards.count ? nil : "a part of model.safetensors"
    }

    /// Relative, without "..", empty parts, backslashes or control characters.
    static func isSafe(_ file: String) -> Bool {
        let parts = file.split(separator: "/", omittingEmptySubsequences: false)
        return file.utf8.count <= 1_024 && file.utf8.allSatisfy { $0 >= 32 && $0 != 127 && $0 != UInt8(ascii: "\\") }
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    private static func split(_ file: String) -> (folder: String, name: String) {
        guard let slash = file.lastIndex(of: "/") else { return ("", file) }
        return (String(file[..<slash]), String(file[file.index(after: slash)...]))
    }

    /// The folder of a sentence-transformers step: "0_Transformer", "1_Pooling".
    private static func isStep(_ folder: String) -> Bool { folder.wholeMatch(of: /[0-9]+_[A-Za-z]+/) != nil }

    /// A step that is no language model.
    private static func isModule(_ folder: String) -> Bool { !folder.isEmpty && !folder.hasSuffix("_Transformer") }

    private static func isShard(_ name: String) -> Bool {
        name.wholeMatch(of: /model-[0-9]{5}-of-[0-9]{5}\.safetensors/) != nil
    }
}
