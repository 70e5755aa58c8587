import Foundation
import TestSupport

/// A judged collection in BEIR's layout, of two queries with an answer each, and one of stop words alone.
struct TestDataset {
    let folder: TemporaryFolder
    var path: String { folder.path }
    /// Where commands keep its index.
    var index: String { folder.path + "/index.resift" }

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(
            "corpus.jsonl",
            """
            {"_id": "d1", "title": "Password", "text": "How to reset a forgotten password."}
            {"_id": "d2", "title": "Refunds", "text": "Annual plans are refunded within 30 days."}
            {"_id": "d3", "title": "Teams", "text": "A password is never shared within a team."}
            {"_id": "d4", "title": "Plans", "text": "An annual plan costs less than twelve months."}

            """)
        try folder.write(
            "queries.jsonl",
            """
            {"_id": "1", "text": "reset my password"}
            {"_id": "2", "text": "refund of an annual plan"}
            {"_id": "3", "text": "to be or not to be"}

            """)
        try FileManager.default.createDirectory(atPath: path + "/qrels", withIntermediateDirectories: true)
        try folder.write("qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\td1\t1\n2\td2\t2\n3\td3\t1\n")
    }
}
