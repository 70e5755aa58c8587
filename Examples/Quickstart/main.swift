import Resift

let reranker = try Reranker.default()  // or .load(directory: "path/to/model")
let documents = ["Choose Security and press Reset password.", "Our offices are closed on public holidays."]
let ranking = try await reranker.rerank("how do I reset my password?", documents, limit: 5)
for candidate in ranking.candidates {
    print(candidate.score, candidate.scoreKind, documents[candidate.index])
}
print(ranking.report.tokens, ranking.report.truncatedDocuments, ranking.report.totalMilliseconds)
