public import Inference
public import Ranking
public import Reranking
import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The cross-encoder inside the package: BERT, 6 layers, hidden 384, int8 weights. See Documentation/default-model.md.
public enum DefaultModel {
    public static let name = "resift-default-v0"

    /// The directory of the model's files.
    ///
    /// SwiftPM puts resources beside the program that links them; an installation has them under share/resift. The
    /// environment variable RESIFT_RESOURCES names the folder that holds `default-model` where neither is so.
    public static func directory() throws(RankingError) -> String {
        let candidates = folders().map { $0 + "/default-model" }
        guard let found = candidates.first(where: FileStatus.isDirectory) else {
            throw RankingError(
                .notFound, what: "The model inside the package was not found.",
                why:
                    "The program was moved without its resource folder; looked for \(candidates.joined(separator: ", ")).",
                fix:
                    "Install with `make install`, keep resift_Resift.resources beside the program, or set RESIFT_RESOURCES."
            )
        }
        return found
    }

    /// Its tokenizer alone, without the weights.
    static func tokenizer() throws(RankingError) -> Tokenizer {
        let path = try directory() + "/tokenizer.json"
        return try Tokenizer.load(JSONFile.value(path: path), source: path)
    }

    private static func folders() -> [String] {
        if let named = getenv("RESIFT_RESOURCES") { return [String(cString: named)] }
        guard let image = imagePath() else { return [] }
        var folders: [String] = []
        var folder = image
        // The program's own folder, and those above it: a test bundle on macOS holds its binary three levels deep.
        for _ in 0..<4 {
            guard let slash = folder.lastIndex(of: "/") else { break }
            folder = String(folder[..<slash])
            folders += [
                "\(folder)/resift_Resift.resources", "\(folder)/resift_Resift.bundle/Contents/Resources",
                "\(folder)/resift_Resift.bundle", "\(folder)/share/resift",
            ]
        }
        return folders
    }

    /// The file that this code was loaded from.
    private static func imagePath() -> String? {
        #if os(Linux)
            let path = "/proc/self/exe"
        #else
            var info = Dl_info()
            guard dladdr(#dsohandle, &info) != 0, let name = info.dli_fname else { return nil }
            let path = String(cString: name)
        #endif
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension Reranker {
    /// The reranker inside the package. No network, no download.
    public static func `default`(
        pool: ComputePool = .shared, precision: Precision = .auto
    ) throws(RankingError) -> Reranker {
        try load(directory: DefaultModel.directory(), pool: pool, precision: precision)
    }
}
