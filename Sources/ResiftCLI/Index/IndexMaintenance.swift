import ArgumentParser
import Resift

struct IndexDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete documents by their ids: all of them or, after an error, none.",
        discussion: """
            EXAMPLES
              resift index delete doc-17 doc-18 --index help.resift
              resift index delete --ids gone.txt --index help.resift --ignore-missing
            """)

    @Argument(help: "The ids of the documents.")
    var id: [String] = []

    @Option(help: ArgumentHelp("More ids, one a line; - is standard input.", valueName: "file"))
    var ids: String?

    @Option(help: ArgumentHelp("The index to change.", valueName: "file"))
    var index: String

    @Flag(help: "Pass over ids that the index does not have, instead of stopping.")
    var ignoreMissing = false

    @Option(help: "How to print the summary.")
    var format: ReportFormat = .table

    func validate() throws {
        if id.isEmpty, ids == nil { throw ValidationError("Give the ids of the documents, or --ids FILE.") }
    }

    func run() async throws {
        try await reportingErrors {
            var wanted = id
            if let ids {
                let input = try InputBytes.read(path: ids)
                for line in try input.textLines() where !line.isEmpty { wanted.append(line) }
            }
            let writer = try IndexWriter.open(path: index)
            let deleted = try writer.delete(ids: wanted, ignoringMissing: ignoreMissing)
            var fields = JSONObject()
            fields["index"] = .string(index)
            fields["deleted"] = .number(JSONNumber(deleted))
            if deleted < wanted.count { fields["missing"] = .number(JSONNumber(wanted.count - deleted)) }
            FieldTable.print(fields, format)
        }
    }
}

struct IndexInfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Say what is in an index.")

    @Argument(help: "The index.")
    var index: String

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func run() async throws {
        try await reportingErrors {
            let info = try await IndexInfo.read(path: index)
            var fields = JSONObject()
            fields["index"] = .string(index)
            fields["bytes"] = .number(JSONNumber(info.fileBytes))
            fields["documents"] = .number(JSONNumber(info.documents))
            fields["passages"] = .number(JSONNumber(info.passages))
            fields["deleted_passages"] = .number(JSONNumber(info.deletedPassages))
            fields["terms"] = .number(JSONNumber(info.terms))
            fields["posting_bytes"] = .number(JSONNumber(info.postingBytes))
            fields["mean_passage_terms"] = JSONNumber((info.meanPassageLength * 100).rounded() / 100).map(
                JSONValue.number)
            fields["analyzer"] = .string(info.settings.analyzer.name)
            fields["passage_tokens"] = info.settings.passageTokens.map { .number(JSONNumber($0)) } ?? .null
            fields["overlap_tokens"] = .number(JSONNumber(info.settings.overlapTokens))
            fields["embedder"] = info.settings.embedder.map { .string($0.directory) } ?? .null
            fields["dimension"] = info.settings.embedder.map { .number(JSONNumber($0.dimension)) } ?? .null
            fields["late_interaction"] =
                info.settings.lateInteraction.map { .string($0.model.directory) } ?? .null
            if let settings = info.settings.lateInteraction, let found = info.tokenVectors {
                fields["token_vectors"] = .number(JSONNumber(found.vectors))
                fields["token_vector_form"] = .string(settings.form.rawValue)
                fields["token_vector_bytes"] = .number(JSONNumber(found.bytes))
                fields["token_pooling"] = .number(JSONNumber(settings.pooling.factor))
                fields["centroids"] = .number(JSONNumber(found.centroids))
            }
            fields["tenant_field"] = info.settings.tenantField.map(JSONValue.string) ?? .null
            fields["metadata_fields"] = .array(info.fieldNames.map(JSONValue.string))
            fields["commits"] = .number(JSONNumber(info.generation))
            FieldTable.print(fields, format)
        }
    }
}

struct IndexVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check everything in an index against everything else.",
        discussion: """
            Compares SQLite's structure, the documents, the postings that their texts
            give, the term counts, the metadata and the vectors. Ends with status 0 for an
            index that is whole, 74 for one that is not.
            """)

    @Argument(help: "The index.")
    var index: String

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func run() async throws {
        try await reportingErrors {
            let progress = ProgressLine()
            let found = try await SearchIndex.verify(path: index) { progress.show("verifying: \(Int($0 * 100)) %") }
            progress.clear()
            var fields = JSONObject()
            fields["index"] = .string(index)
            fields["result"] = .string(found.isWhole ? "whole" : "damaged")
            fields["documents"] = .number(JSONNumber(found.documents))
            fields["passages"] = .number(JSONNumber(found.passages))
            fields["terms"] = .number(JSONNumber(found.terms))
            fields["postings"] = .number(JSONNumber(found.postings))
            fields["vectors"] = .number(JSONNumber(found.vectors))
            fields["token_vectors"] = .number(JSONNumber(found.tokenVectors))
            if !found.isWhole {
                fields["problems"] = .array(found.problems.map(JSONValue.string))
                fields["further_problems"] = .number(JSONNumber(found.furtherProblems))
            }
            FieldTable.print(fields, format)
            if !found.isWhole { throw ExitCode(ExitStatus.corruptFile.rawValue) }
        }
    }
}

struct IndexCompactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Remove what deletions left behind and give the space back. Rankings stay as they are.",
        discussion: """
            EXAMPLES
              resift index compact help.resift
              resift index compact help.resift --token-vectors 2bit

            --token-vectors and --token-pooling store the token vectors that the index has
            in fewer bytes, without encoding the documents again. That changes scores, and
            there is no way back.
            """)

    @Argument(help: "The index.")
    var index: String

    @Option(help: ArgumentHelp("Store token vectors as int8, 4bit or 2bit, say.", valueName: "form"))
    var tokenVectors: TokenVectorForm?

    @Option(help: ArgumentHelp("How many token vectors become one, on average, by pooling.", valueName: "factor"))
    var tokenPooling: Int?

    @Option(help: "How to print the summary.")
    var format: ReportFormat = .table

    func validate() throws {
        if let tokenPooling { try TokenVectorOptions.check(tokenPooling: tokenPooling) }
    }

    func run() async throws {
        try await reportingErrors {
            let before = try await IndexInfo.read(path: index)
            let progress = ProgressLine()
            let writer = try IndexWriter.open(path: index)
            let conversion =
                tokenVectors == nil && tokenPooling == nil
                ? nil
                : TokenVectorConversion(
                    form: tokenVectors, pooling: tokenPooling.map { TokenPooling(factor: $0) })
            try writer.compact(tokenVectors: conversion) { progress.show("compacting: \(Int($0 * 100)) %") }
            progress.clear()
            let after = try await IndexInfo.read(path: index)
            var fields = JSONObject()
            fields["index"] = .string(index)
            fields["removed_passages"] = .number(JSONNumber(before.deletedPassages - after.deletedPassages))
            fields["bytes_before"] = .number(JSONNumber(before.fileBytes))
            fields["bytes"] = .number(JSONNumber(after.fileBytes))
            FieldTable.print(fields, format)
        }
    }
}
