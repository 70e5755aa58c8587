public import ArgumentParser
public import Resift

extension TokenVectorForm: ExpressibleByArgument {}

/// The token vectors of an index that is built.
struct TokenVectorOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Also store token vectors: a late-interaction model in the layout of colbert-ai or PyLate, a directory or owner/name.",
            valueName: "model"))
    var lateInteraction: String?

    @Option(
        help: ArgumentHelp("How token vectors are stored: float32, float16, int8, 4bit or 2bit.", valueName: "form"))
    var tokenVectors: TokenVectorForm = IndexDefaults.tokenVectorForm

    @Option(help: ArgumentHelp("How many token vectors become one, on average, by pooling.", valueName: "factor"))
    var tokenPooling = 1

    func validate() throws { try TokenVectorOptions.check(tokenPooling: tokenPooling) }

    static func check(tokenPooling: Int) throws {
        guard TokenPooling.factors.contains(tokenPooling) else {
            throw ValidationError(
                "--token-pooling is \(tokenPooling); it has to be in \(TokenPooling.factors.lowerBound) to \(TokenPooling.factors.upperBound)."
            )
        }
    }

    /// Nil where no model was named.
    func encoder(_ hub: HubOptions, pool: ComputePool) async throws -> LateInteractionEncoder? {
        guard let path = try await hub.directoryIfNamed(lateInteraction) else { return nil }
        return try LateInteractionEncoder.load(directory: path, pool: pool)
    }

    /// Nil without a model.
    func settings(_ encoder: LateInteractionEncoder?) async throws -> TokenVectorSettings? {
        guard let encoder, let lateInteraction else { return nil }
        return TokenVectorSettings(
            model: try await IndexSettings.describe(encoder, directory: ModelStore().pinned(lateInteraction)),
            form: tokenVectors, pooling: TokenPooling(factor: tokenPooling))
    }
}
