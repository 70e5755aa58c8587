import GRDB
import Inference
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The named values of an index: its settings, and totals that every commit brings up to date.
enum IndexProperty: String, CaseIterable {
    case analyzer
    case passageTokens = "passage_tokens"
    case overlapTokens = "overlap_tokens"
    case embedderDirectory = "embedder_directory"
    case embedderDimension = "embedder_dimension"
    case embedderProbe = "embedder_probe"
    case tokenModelDirectory = "token_model_directory"
    case tokenModelDimension = "token_model_dimension"
    case tokenModelProbe = "token_model_probe"
    case tokenVectorForm = "token_vector_form"
    case tokenPooling = "token_pooling"
    /// Levels of residuals; only of forms that have them, and only once there are centroids.
    case tokenLevels = "token_levels"
    case tenantField = "tenant_field"
    /// Raised by each commit, so that a reader knows when to look again.
    case generation
    case documents
    /// The number that the next new term gets.
    case nextTerm = "next_term"
    /// Of a build that is not finished: which input it reads, and how far it is.
    case buildInput = "build_input"
    case buildDocuments = "build_documents"
    case buildDigest = "build_digest"

    func integer(_ db: Database) throws -> Int? {
        try Int.fetchOne(db, sql: "SELECT value FROM property WHERE name = ?", arguments: [rawValue])
    }

    func text(_ db: Database) throws -> String? {
        try Data.fetchOne(db, sql: "SELECT value FROM property WHERE name = ?", arguments: [rawValue])
            .map { String(decoding: $0, as: UTF8.self) }
    }

    func bytes(_ db: Database) throws -> [UInt8]? {
        try Data.fetchOne(db, sql: "SELECT value FROM property WHERE name = ?", arguments: [rawValue]).map(Array.init)
    }

    func set(_ value: Int, _ db: Database) throws { try store(value.databaseValue, db) }
    func set(_ value: String, _ db: Database) throws { try store(Data(value.utf8).databaseValue, db) }
    func set(_ value: [UInt8], _ db: Database) throws { try store(Data(value).databaseValue, db) }

    func remove(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM property WHERE name = ?", arguments: [rawValue])
    }

    private func store(_ value: DatabaseValue, _ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO property (name, value) VALUES (?, ?)", arguments: [rawValue, value])
    }

    /// A number that has to be there. Throws `corruptFile` where it is not, or is negative.
    func count(_ db: Database) throws -> Int {
        guard let value = try integer(db), value >= 0 else { throw IndexProperty.corrupt("has no \(rawValue)") }
        return value
    }

    static func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "The index \(problem).", why: "Its file is damaged or was changed by another program.",
            fix: "Restore it from a copy, or build it again.")
    }
}

extension IndexSettings {
    /// Reads the settings of an index. Throws `corruptFile` or, for an analyzer of a newer version, `invalidInput`.
    init(_ db: Database) throws {
        guard let name = try IndexProperty.analyzer.text(db) else { throw IndexProperty.corrupt("names no analyzer") }
        self.init(
            analyzer: try Analyzer.named(name), passageTokens: try IndexProperty.passageTokens.integer(db),
            overlapTokens: try IndexProperty.overlapTokens.integer(db) ?? 0,
            tenantField: try IndexProperty.tenantField.text(db))
        embedder = try IndexSettings.model(.embedderDirectory, .embedderDimension, .embedderProbe, db)
        guard let model = try IndexSettings.model(.tokenModelDirectory, .tokenModelDimension, .tokenModelProbe, db)
        else { return }
        let form = try IndexProperty.tokenVectorForm.text(db) ?? ""
        guard let form = TokenVectorForm(rawValue: form) else {
            throw IndexProperty.corrupt("has token vectors of the unknown form \"\(form)\"")
        }
        let factor = try IndexProperty.tokenPooling.count(db)
        guard TokenPooling.factors.contains(factor), model.dimension <= Kernels.maxInt8Inputs else {
            throw IndexProperty.corrupt("has token vectors of \(model.dimension) numbers, pooled by \(factor)")
        }
        lateInteraction = TokenVectorSettings(model: model, form: form, pooling: TokenPooling(factor: factor))
    }

    /// Nil where the index has no such model.
    private static func model(
        _ directory: IndexProperty, _ dimension: IndexProperty, _ probe: IndexProperty, _ db: Database
    ) throws -> EmbedderDescription? {
        guard let directory = try directory.text(db) else { return nil }
        let dimension = try dimension.count(db)
        guard let probe = try probe.bytes(db).flatMap(LittleEndian.floats), probe.count == dimension, dimension > 0
        else { throw IndexProperty.corrupt("has no vector to recognise the model \(directory) by") }
        return EmbedderDescription(directory: directory, dimension: dimension, probe: probe)
    }

    func write(_ db: Database) throws {
        try IndexProperty.analyzer.set(analyzer.name, db)
        if let passageTokens { try IndexProperty.passageTokens.set(passageTokens, db) }
        try IndexProperty.overlapTokens.set(overlapTokens, db)
        if let tenantField { try IndexProperty.tenantField.set(tenantField, db) }
        if let embedder {
            try IndexProperty.embedderDirectory.set(embedder.directory, db)
            try IndexProperty.embedderDimension.set(embedder.dimension, db)
            try IndexProperty.embedderProbe.set(LittleEndian.bytes(embedder.probe), db)
        }
        guard let lateInteraction else { return }
        try IndexProperty.tokenModelDirectory.set(lateInteraction.model.directory, db)
        try IndexProperty.tokenModelDimension.set(lateInteraction.model.dimension, db)
        try IndexProperty.tokenModelProbe.set(LittleEndian.bytes(lateInteraction.model.probe), db)
        try IndexProperty.tokenVectorForm.set(lateInteraction.form.rawValue, db)
        try IndexProperty.tokenPooling.set(lateInteraction.pooling.factor, db)
    }
}

/// fp32 vectors as bytes.
enum LittleEndian {
    static func bytes(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * values.count)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// Appends whole numbers of four bytes.
    static func append(_ bytes: UnsafeRawBufferPointer, to values: inout [Float]) {
        for offset in stride(from: 0, to: bytes.count - bytes.count % 4, by: 4) {
            values.append(
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
        }
    }

    /// Nil unless the bytes are whole numbers of four.
    static func floats(_ bytes: [UInt8]) -> [Float]? {
        guard bytes.count % 4 == 0 else { return nil }
        return bytes.withUnsafeBytes { raw in
            (0..<bytes.count / 4).map { index in
                Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
            }
        }
    }
}
