import Foundation
import Inference
import OrderedJSON
import TestSupport
import Testing

@Suite("resift evaluate --dataset", .blocking)
struct EvaluateDatasetTests {
    private let folder: TemporaryFolder
    private let dataset: String
    private let index: String

    /// Query 3 has only stop words; query 9 has no text; query 8 is not judged.
    init() throws {
        folder = try TemporaryFolder()
        dataset = folder.path
        index = folder.path + "/index.resift"
        try folder.write(
            "corpus.jsonl",
            """
            {"_id": "d1", "title": "Password", "text": "How to reset a forgotten password."}
            {"_id": "d2", "title": "Refunds", "text": "Annual plans are refunded within 30 days."}
            {"_id": "d3", "title": "Teams", "text": "A password is never shared within a team."}

            """)
        try folder.write(
            "queries.jsonl",
            """
            {"_id": "1", "text": "reset my password"}
            {"_id": "2", "text": "refund of an annual plan"}
            {"_id": "3", "text": "to be or not to be"}
            {"_id": "8", "text": "nobody judged this"}

            """)
        try FileManager.default.createDirectory(atPath: folder.path + "/qrels", withIntermediateDirectories: true)
        try folder.write("qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\td1\t1\n2\td2\t2\n3\td3\t1\n9\td1\t1\n")
    }

    private func evaluate(_ options: [String]) throws -> Resift.Output {
        try Resift.run(["evaluate", "--dataset", dataset, "--index", index, "--models", Resift.model] + options)
    }

    private func json(_ output: Resift.Output) throws -> JSONObject {
        guard case .object(let object) = try JSONValue.parse(Array(output.stdout.utf8)) else { return JSONObject() }
        return object
    }

    @Test("runs every stage, with measures, latency, pairs and the recall of the pool")
    func stages() throws {
        let output = try evaluate(["--measure", "RR", "--format", "json"])
        #expect(output.status == 0, "\(output.stderr)")
        let report = try json(output)
        guard case .array(let stages)? = report["stages"], stages.count == 2, case .object(let first) = stages[0],
            case .object(let second) = stages[1], case .object(let recall)? = report["recall"]
        else {
            Issue.record("\(output.stdout)")
            return
        }
        // Queries 1 and 2 find their document first, of four judged queries.
        #expect(first["measures"] == (try JSONValue.parse(Array("{\"RR\": 0.5}".utf8))))
        #expect(second["stage"] == .string("bm25+rerank"))
        // "password" is in d1 and d3, "annual plan" in d2.
        #expect(second["pairs"] == .number(JSONNumber(3)))
        #expect(second["failed_queries"] == .number(JSONNumber(1)))
        #expect(first["precision"] == nil && second["precision"] != nil)
        #expect(second["unscored_candidates"] == .number(JSONNumber(0)))
        #expect(second["against_the_first"] != nil)
        guard case .object(let own)? = recall["bm25"] else {
            Issue.record("no recall")
            return
        }
        #expect(own["relevant"] == .number(JSONNumber(4)))
        #expect(own["in_pool"] == .number(JSONNumber(2)))
        #expect(own["not_retrieved"] == .number(JSONNumber(2)))
        #expect(output.stderr.contains("index: \(index), built now. There was none.\n"))
        #expect(output.stderr.contains("note: 1 judged queries are not in queries.jsonl; they count 0\n"))
        #expect(output.stderr.contains("note: bm25+rerank: 1 queries have no results; query 3: "))
    }

    @Test("the index is used again until the corpus or the settings change; another command's is never replaced")
    func reuse() throws {
        func origin(_ options: [String] = []) throws -> String {
            let output = try evaluate(["--stages", "bm25"] + options)
            #expect(output.status == 0, "\(output.stderr)")
            return output.stderr.split(separator: "\n").first.map(String.init) ?? ""
        }
        #expect(try origin() == "index: \(index), built now. There was none.")
        #expect(try origin() == "index: \(index), as it was built before")
        #expect(
            try origin(["--analyzer", "unicode"])
                == "index: \(index), built now. The last one was built with other settings.")
        try folder.write("corpus.jsonl", "{\"_id\": \"d1\", \"text\": \"Another password.\"}\n")
        #expect(
            try origin(["--analyzer", "unicode"])
                == "index: \(index), built now. The corpus changed since the last one was built.")
        let own = folder.path + "/own.resift"
        #expect(try Resift.run(["index", "build", dataset, "--output", own]).status == 0)
        #expect(
            try origin(["--index", own])
                == "index: \(own), which another command built; its corpus is not checked")
    }

    @Test("saved runs score with --qrels as the stages did; the last stage is held to --min")
    func savedRuns() throws {
        let runs = folder.path + "/runs"
        let output = try evaluate(["--save-runs", runs, "--min", "RR=0.9", "--format", "tsv", "-q"])
        #expect(output.status == 1)
        #expect(output.stderr.contains("unmet: RR is "))
        let scored = try Resift.run([
            "evaluate", runs + "/bm25.trec", runs + "/bm25-rerank.trec", "--qrels", dataset + "/qrels/test.tsv",
            "--measure", "nDCG@10", "--format", "tsv",
        ])
        for (place, name) in ["bm25", "bm25+rerank"].enumerated() {
            let value = scored.lines[place + 1].split(separator: "\t")[3]
            #expect(output.lines.contains { $0.hasPrefix("\(name)\t\(value)\t") }, "\(output.stdout)")
        }
        #expect(output.stdout.contains("bm25\t1\t1.0000"))
    }

    @Test("a deadline keeps the first stage's order, and the report counts what has no score")
    func deadline() throws {
        let output = try evaluate(["--measure", "RR", "--format", "json", "--deadline", "0.00001ms"])
        #expect(output.status == 0, "\(output.stderr)")
        #expect(
            output.stderr.contains(
                "note: bm25+rerank: 3 candidates have no score; 0 pairs were scored\n"))
        guard case .array(let stages)? = try json(output)["stages"], case .object(let first) = stages[0],
            case .object(let second) = stages[1]
        else {
            Issue.record("\(output.stdout)")
            return
        }
        #expect(second["unscored_candidates"] == .number(JSONNumber(3)))
        #expect(second["measures"] == first["measures"])
        let page = try evaluate(["--format", "html", "--deadline", "0.00001ms"])
        #expect(page.stdout.contains("<li>bm25+rerank: 3 candidates have no score</li>"))
        #expect(try evaluate(["--deadline", "5"]).status == 64)
    }

    @Test("several models name their rows; HTML is one page")
    func models() throws {
        let output = try evaluate([
            "--models", "\(Resift.model),\(Repository.model("bert-cross-encoder-sigmoid"))", "--format", "html",
        ])
        #expect(output.status == 0, "\(output.stderr)")
        #expect(output.stdout.hasPrefix("<!DOCTYPE html>"))
        #expect(output.stdout.contains("bm25+rerank[model]"))
        #expect(output.stdout.contains("plot-gains"))
    }

    @Test("a calibration is stored, and makes a minimum score a probability")
    func calibration() throws {
        let help = Repository.directory + "/Examples/demo/help-centre"
        let file = folder.path + "/calibration.json"
        let output = try Resift.run([
            "evaluate", "--dataset", help, "--index", index, "--stages", "bm25+rerank", "--calibrate",
            "--calibration", file,
        ])
        #expect(output.status == 0, "\(output.stderr)")
        #expect(output.stderr.contains("calibration: \(file), from "))
        let stored = try JSONFile.object(path: file)
        guard case .object(let errors)? = stored["expected_calibration_error"],
            case .number(let before)? = errors["before"], case .number(let platt)? = errors["platt"]
        else {
            Issue.record("\(stored)")
            return
        }
        // One document of fifty is relevant: the raw scores promise far more.
        #expect(platt.double < before.double / 2)

        let query = "Can someone without an account look at a board?"
        let search = ["search", query, "--index", index, "--calibrated", "platt", "--calibration", file]
        let all = try Resift.run(search + ["--limit", "50"])
        #expect(all.status == 0, "\(all.stderr)")
        let scores = try all.lines.map { line in
            guard case .object(let result) = try JSONValue.parse(Array(line.utf8)),
                result["score_kind"] == .string("calibrated_probability"), case .number(let score)? = result["score"]
            else { return -1.0 }
            return score.double
        }
        #expect(scores.count > 10 && scores.allSatisfy { (0...1).contains($0) })
        let best = try Resift.run(search + ["--limit", "50", "--min-score", "0.2"])
        #expect(best.lines.count == scores.count { $0 >= 0.2 })
        #expect(best.lines.count < scores.count)
        #expect(
            best.stderr.contains("note: \(scores.count - best.lines.count) of \(scores.count) candidates score below"))

        let bad: [([String], Int32, String)] = [
            (["rerank", query, "--documents", "-", "--calibrated", "isotonic"], 66, "There is no calibration"),
            (search + ["--no-rerank"], 64, "leave out --no-rerank"),
            (["search", query, "--index", index, "--calibration", file], 64, "--calibration needs --calibrated"),
            (search + ["--model", Resift.model], 65, "but the model is"),
            (["evaluate", "--dataset", help, "--stages", "bm25", "--calibrate"], 65, "There are 0 stages"),
            (["evaluate", "--dataset", help, "--calibration", file], 64, "--calibration needs --calibrate"),
        ]
        for (arguments, status, message) in bad {
            let output = try Resift.run(arguments, input: "a document\n")
            #expect(output.status == status, "\(output.stderr)")
            #expect(output.stderr.contains(message), "\(output.stderr)")
        }
    }

    @Test("what cannot be evaluated says why")
    func badInput() throws {
        let cases: [([String], Int32, String)] = [
            (["--stages", "bm25+boost"], 65, "\"bm25+boost\" is no stage"),
            (["--stages", "dense"], 65, "The stage dense needs an embedding model."),
            (["--split", "dev"], 66, "has no qrels/dev.tsv or qrels/dev.tsv.gz"),
            (["--qrels", "x"], 64, "not both"), (["--pool", "0"], 64, "--pool is 0"),
        ]
        for (options, status, message) in cases {
            let output = try evaluate(options)
            #expect(output.status == status, "\(output.stderr)")
            #expect(output.stdout == "")
            #expect(output.stderr.contains(message), "\(output.stderr)")
        }
        let gone = try Resift.run(["evaluate", "--dataset", folder.path + "/none"])
        #expect(gone.status == 66)
        #expect(gone.stderr.contains("There is no dataset"))
    }
}
