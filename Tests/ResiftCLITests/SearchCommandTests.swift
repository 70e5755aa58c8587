import Foundation
import OrderedJSON
import TestSupport
import Testing

@Suite("resift search", .blocking)
struct SearchCommandTests {
    private static let lines = [
        #"{"_id": "a", "title": "Boats", "text": "The river carries boats", "year": 2020, "made": "2020-05-01"}"#,
        #"{"_id": "b", "text": "The council met by the river river", "year": 2021, "tags": ["city", "law"]}"#,
        #"{"_id": "c", "text": "Temperatures fell overnight", "made": "2024-05-01"}"#,
        #"{"_id": "d", "text": "A river in the fog, slow and wide and brown", "year": 2024, "made": "2024-05-02"}"#,
    ]
    private let index: TestIndex

    init() throws { index = try TestIndex(SearchCommandTests.lines) }

    private func objects(_ output: Resift.Output) throws -> [Summary] {
        try expectSuccess(output).lines.map(Summary.init)
    }

    // MARK: Formats

    @Test("jsonl gives rank, id, score and its kind, the document, its metadata, and the rank in each stage")
    func jsonLines() throws {
        let results = try objects(index.search("river", ["--no-rerank"]))
        #expect(results.map { $0["id"] } == ["b", "a", "d"])
        #expect(results.map { $0["rank"] } == ["1", "2", "3"])
        let first = results[0]
        #expect(
            first.object.keys == [
                "rank", "id", "score", "score_kind", "reranked", "text", "metadata", "first_stage_rank", "stages",
            ])
        #expect(first["score_kind"] == "bm25")
        #expect(first["reranked"] == "false")
        #expect(first["metadata"] == #"{"year": 2021, "tags": ["city", "law"]}"#)
        #expect(first["stages"] == #"{"bm25": {"rank": 1, "score": \#(first["score"] ?? "")}}"#)
        #expect(results[1]["title"] == "Boats")
    }

    @Test("tsv and trec have a line for each result, table one for people; all give the same order and scores")
    func otherFormats() throws {
        let results = try objects(index.search("river", ["--no-rerank"]))
        let scores = results.map { $0["score"] ?? "" }
        let tsv = try expectSuccess(index.search("river", ["--no-rerank", "--format", "tsv"])).lines
        #expect(tsv[0] == "1\tb\t\(scores[0])\tThe council met by the river river")
        #expect(tsv[1] == "2\ta\t\(scores[1])\tBoats: The river carries boats")
        let trec = try expectSuccess(index.search("river", ["--no-rerank", "--format", "trec"])).lines
        #expect(trec == zip(results, scores).map { "1 Q0 \($0["id"] ?? "") \($0["rank"] ?? "") \($1) resift" })
        let table = try expectSuccess(index.search("river", ["--no-rerank", "--format", "table"])).lines
        #expect(table[0] == "rank     score  id  text")
        #expect(table[1].hasPrefix("   1    0."))
        #expect(table[1].hasSuffix("  b   The council met by the river river"))
        #expect(
            try index.search("zebra", ["--format", "table", "--no-rerank"]).stdout == "No document matches.\n")
        #expect(try index.search("zebra", ["--no-rerank"]) == .init(stdout: "", stderr: "", status: 0))
    }

    @Test("--limit bounds the results")
    func limit() throws {
        #expect(try index.search("river", ["--no-rerank", "--limit", "2"]).lines.count == 2)
        #expect(try index.search("river", ["--limit", "0"]).status == 64)
        #expect(try index.search("river", ["--pool", "0"]).status == 64)
        #expect(try index.search("river", ["--stages", "bm25", "--candidates", "bm25"]).status == 64)
    }

    // MARK: Filters and pools

    @Test(
        "--filter lets through what satisfies it",
        arguments: [
            ("year > 2020", ["b", "d"]), ("year = 2020 or tags = law", ["b", "a"]), ("not exists(year)", []),
            ("made > 2024-05-01", ["d"]), ("made >= '2020-05-01' and year != 2020", ["d"]),
            ("tags in (law, 'war')", ["b"]), ("made > now-30d", []),
        ])
    func filter(text: String, ids: [String]) throws {
        #expect(try index.ids("river", ["--filter", text]) == ids)
    }

    @Test("each --candidates is a list of its own, and reciprocal rank fusion gives 1 / (60 + rank) for each")
    func pools() throws {
        let options = ["--no-rerank", "--candidates", "bm25:2", "--candidates", "bm25:5:made > 2024-01-01"]
        let results = try objects(index.search("river overnight", options))
        // Without a filter: the two best of c (overnight, the rarest word), b, a, d. With it: c and d.
        #expect(results.map { $0["id"] } == ["c", "b", "d"])
        let scores = results.compactMap { Double($0["score"] ?? "") }
        #expect(scores == [1.0 / 61 + 1.0 / 61, 1.0 / 62, 1.0 / 62])
        #expect(results[0]["score_kind"] == "rrf")
        #expect(results[2]["stages"]?.hasPrefix(#"{"bm25-2": {"rank": 2,"#) == true)
        expectError(try index.search("river", ["--candidates", "bm52"]), status: 65, "\"bm52\" is no first stage")
        expectError(try index.search("river", ["--candidates", "bm25:0"]), status: 65, "its depth is 0")
        expectError(try index.search("river", ["--stages", "dense"]), status: 65, "has no vectors to search")
    }

    @Test("--tenant shows one tenant's documents, and an index that has tenants is not searched without one")
    func tenants() throws {
        let lines = [
            #"{"_id": "a1", "text": "river one", "tenant": "a"}"#, #"{"_id": "b1", "text": "river", "tenant": "b"}"#,
            #"{"_id": "ab", "text": "river both", "tenant": ["a", "b"]}"#, #"{"_id": "none", "text": "river"}"#,
        ]
        let index = try TestIndex(lines, ["--tenant-field", "tenant"])
        #expect(try Set(index.ids("river", ["--tenant", "a"])) == ["a1", "ab"])
        #expect(try Set(index.ids("river", ["--tenant", "b"])) == ["b1", "ab"])
        #expect(try index.ids("river", ["--tenant", "b", "--filter", "tenant = a"]) == ["ab"])
        #expect(try index.ids("river", ["--tenant", "c"]) == [])
        expectError(try index.search("river"), status: 65, "holds the documents of several tenants")
        expectError(
            try index.search("river", ["--filter", "tenant = a"]), status: 65, "and none was named")
        expectError(try self.index.search("river", ["--tenant", "a"]), status: 65, "has no tenant field")
        #expect(try Summary(try index.look("info"))["tenant_field"] == "tenant")
    }

    // MARK: Explaining

    /// Of a tree that is printed as lines, indented by two spaces: the value that the leaves give.
    private func value(_ tree: JSONObject) throws -> Double {
        guard case .number(let number)? = tree["value"] else { throw UnexpectedJSON(text: "no value") }
        guard case .array(let children)? = tree["children"], case .string(let operation)? = tree["operation"] else {
            return number.double
        }
        let values = try children.map { child in
            guard case .object(let object) = child else { throw UnexpectedJSON(text: "no object") }
            return try value(object)
        }
        // What a term adds is rounded to a multiple of 2^-32; the sum of these is exact.
        let isProduct = operation == "product"
        let computed = isProduct ? values.reduce(1, *) : values.reduce(0, +)
        #expect(abs(computed - number.double) <= (isProduct ? 0x1p-32 : 0), "\(operation)")
        return number.double
    }

    @Test("--explain prints a tree whose product is the BM25 score, in the results of every format that has room")
    func explain() throws {
        let results = try objects(index.search("river fog", ["--no-rerank", "--explain"]))
        for result in results {
            guard case .object(let tree)? = result.object["bm25"] else { throw UnexpectedJSON(text: "no tree") }
            let score = try #require(Double(result["score"] ?? ""))
            #expect(try value(tree) == score)
        }
        #expect(results[0]["id"] == "d")
        // idf(fog) = ln(1 + (4 - 1 + 0.5) / (1 + 0.5)) = ln(10 / 3) = 1.2039728.
        let table = try index.search("river fog", ["--no-rerank", "--explain", "--format", "table"])
        #expect(table.stdout.contains("1.2039728"), "\(table.stdout)")
        #expect(table.stdout.contains("      bm25 1 ("))
        for part in ["bm25: 3 candidates", "fused: 3 documents", "not reranked: It was not asked for.", "total: "] {
            #expect(table.stderr.contains(part), "\(table.stderr)")
        }
    }

    // MARK: Reranking

    @Test("a small index is not reranked, and a note says so; --rerank does it anyway, with the model's scores")
    func scopeGuard() async throws {
        let output = try index.search("river", ["--model", Resift.model])
        #expect(try objects(output).allSatisfy { $0["reranked"] == "false" })
        let note = "note: not reranked: The index has 4 passages; below 1000, the first stage is usually enough."
        #expect(output.stderr == note + " --rerank does it anyway.\n")
        let reranked = try index.search("river", ["--model", Resift.model, "--rerank"])
        #expect(reranked.stderr == "")
        let results = try objects(reranked)
        let texts = [
            "b": "The council met by the river river", "a": "Boats The river carries boats",
            "d": "A river in the fog, slow and wide and brown",
        ]
        let ids = ["b", "a", "d"]
        let scores = try await Resift.scores("river", ids.map { texts[$0] ?? "" })
        #expect(results.map { $0["id"] } == Resift.order(scores).map { ids[$0] })
        #expect(results.map { $0["score"] } == Resift.order(scores).map { "\(scores[$0])" })
        #expect(results.allSatisfy { $0["reranked"] == "true" && $0["score_kind"] != "bm25" })
        #expect(results.first { $0["id"] == "b" }?["first_stage_rank"] == "1")
    }

    @Test("a deadline that the first pass used up leaves its order, and says so; one that is far off changes nothing")
    func deadline() throws {
        let plain = try objects(index.search("river", ["--no-rerank"]))
        let missed = try index.search("river", ["--rerank", "--deadline", "0.00001ms"])
        #expect(try objects(missed).map { $0["id"] } == plain.map { $0["id"] })
        #expect(try objects(missed).allSatisfy { $0["score_kind"] == "bm25" && $0["reranked"] == "false" })
        #expect(missed.stderr == "note: not reranked: The deadline passed in the first pass.\n")
        let reranked = try expectSuccess(index.search("river", ["--rerank"]))
        let far = try expectSuccess(index.search("river", ["--rerank", "--deadline", "600s"]))
        #expect(far == reranked)
        let queries = try index.folder.write("many.tsv", "1\triver\n")
        let run = try expectSuccess(
            Resift.run(["search", "--queries", queries, "--index", index.path, "--rerank", "--deadline", "0.00001ms"]))
        #expect(run.stderr.contains("note: the deadline left candidates of 1 of 1 queries without a score\n"))
    }

    @Test("an index of 1,000 passages is reranked unless the query is the first candidate's title or id")
    func largeIndex() throws {
        let lines = (0..<1_000).map { #"{"_id": "n\#($0)", "title": "Page \#($0)", "text": "river w\#($0)"}"# }
        let index = try TestIndex(lines)
        #expect(try objects(index.search("river w7", ["--model", Resift.model]))[0]["reranked"] == "true")
        let exact = try index.search("page 7", ["--model", Resift.model])
        #expect(try objects(exact)[0]["reranked"] == "false")
        #expect(exact.stderr.contains("The query is the first candidate's title or id."), "\(exact.stderr)")
    }

    // MARK: Many queries

    @Test("--queries answers each query by its id, and notes those without a word to look up")
    func queries() throws {
        let file = try index.folder.write("q.tsv", "q1\triver boats\nq2\tthe of\nq3\tovernight\n")
        let output = try Resift.run([
            "search", "--queries", file, "--index", index.path, "--no-rerank", "--format", "trec",
        ])
        #expect(output.status == 0)
        let found = output.lines.map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
        #expect(found == ["q1 Q0 a", "q1 Q0 b", "q1 Q0 d", "q3 Q0 c"])
        #expect(output.stderr == "note: 1 of 3 queries have no word to look up and no results: q2\n")
        let json = try Resift.run(["search", "--queries", file, "--index", index.path, "--no-rerank"])
        #expect(try objects(json).map { $0["query_id"] } == ["q1", "q1", "q1", "q3"])
        expectError(try index.search("the of"), status: 65, "has no word to look up")
        expectError(try index.search("  "), status: 65, "The query is empty.")
    }

    // MARK: Long documents and vectors

    @Test("a document of several passages is one result, with its best passage in code points")
    func passages() throws {
        let sentences = (0..<60).map { "Sentence n\($0) tells of é and more." }
        let text = sentences.joined(separator: " ")
        let index = try TestIndex([#"{"_id": "long", "text": "\#(text)"}"#], ["--passage-tokens", "32"])
        #expect(Int(try Summary(try index.look("info"))["passages"] ?? "") ?? 0 > 10)
        let result = try objects(index.search("n41", ["--no-rerank"]))
        #expect(result.map { $0["id"] } == ["long"])
        guard case .object(let span)? = result[0].object["passage"], case .number(let start)? = span["start"],
            case .number(let end)? = span["end"]
        else { throw UnexpectedJSON(text: result[0]["passage"] ?? "") }
        let part = Array(text.unicodeScalars)[Int(start.double)..<Int(end.double)]
        var passage = String.UnicodeScalarView()
        passage.append(contentsOf: part)
        #expect(String(passage).contains("n41"))
        #expect(part.count < 400)
    }

    @Test("an index with vectors is searched by words and vectors at once, and survives add, delete and compact")
    func vectors() throws {
        let embedder = Repository.model("bert-bi-encoder-mean")
        let index = try TestIndex(SearchCommandTests.lines, ["--embedder", embedder])
        let info = try Summary(try index.look("info"))
        #expect(info["dimension"] == "48")
        let hybrid = try objects(index.search("river boats", ["--no-rerank"]))
        #expect(hybrid.count == 4)
        #expect(hybrid[0]["score_kind"] == "rrf")
        let dense = try objects(index.search("the", ["--no-rerank", "--stages", "dense"]))
        #expect(dense.count == 4 && dense[0]["score_kind"] == "similarity")
        try expectSuccess(index.add([#"{"_id": "e", "text": "River boats"}"#]))
        try expectSuccess(index.delete(["a"]))
        try index.expectWhole(documents: 4)
        let before = try expectSuccess(index.search("river boats", ["--no-rerank"])).stdout
        #expect(before.contains(#""id": "e""#) && !before.contains(#""id": "a""#))
        try expectSuccess(index.look("compact"))
        #expect(try index.search("river boats", ["--no-rerank"]).stdout == before)
        try index.expectWhole(documents: 4)
    }
}
