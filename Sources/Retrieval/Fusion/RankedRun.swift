public import Ranking

/// One stage's answer to one query, as fusion reads it: documents by id, best first, with their scores.
///
/// The ranks are the positions in the list, from 1, whatever the scores are.
public struct RankedRun: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public var documentID: String
        public var score: Double

        public init(documentID: String, score: Double) {
            self.documentID = documentID
            self.score = score
        }
    }

    /// What messages call the stage: "bm25".
    public let name: String
    public let entries: [Entry]

    /// Throws `invalidInput` if a document is in the run twice, `nonFiniteScore` if a score is no number; both name the
    /// document. Ids are compared by their bytes.
    public init(name: String, entries: [Entry]) throws(RankingError) {
        var seen: Set<UTF8Key> = []
        for (index, entry) in entries.enumerated() {
            guard seen.insert(UTF8Key(entry.documentID)).inserted else {
                throw RankingError(
                    .invalidInput,
                    what: "Run \"\(name)\" has document \"\(entry.documentID)\" twice, again at rank \(index + 1).",
                    why: "A document has one rank in a run.", fix: "Keep each document's best entry.")
            }
            guard entry.score.isFinite else {
                throw RankingError(
                    .nonFiniteScore,
                    what: "Run \"\(name)\" gives document \"\(entry.documentID)\" the score \(entry.score).",
                    why: "Only finite scores can be fused.", fix: "Find out how the stage came to this score.")
            }
        }
        self.name = name
        self.entries = entries
    }
}

/// A document after fusion.
public struct FusedDocument: Sendable, Hashable {
    public var documentID: String
    public var score: Double
    /// The rank in each run, from 1; nil where the run does not have the document.
    public var ranks: [Int?]

    public init(documentID: String, score: Double, ranks: [Int?]) {
        self.documentID = documentID
        self.score = score
        self.ranks = ranks
    }

    /// Higher scores first; equal scores by document id, in byte order.
    public static func precedes(_ a: FusedDocument, _ b: FusedDocument) -> Bool {
        a.score != b.score ? a.score > b.score : a.documentID.utf8.lexicographicallyPrecedes(b.documentID.utf8)
    }
}

/// Sums what each run gives to each document.
struct FusionSum {
    private var documents: [FusedDocument] = []
    private var places: [UTF8Key: Int] = [:]

    /// - Parameter contribution: What a run's entry adds, by run and by position from 0. Added in the order of the
    ///   runs, so that the same runs give the same sums.
    init(_ runs: [RankedRun], contribution: (_ run: Int, _ position: Int) -> Double) {
        for (run, list) in runs.enumerated() {
            for (position, entry) in list.entries.enumerated() {
                let key = UTF8Key(entry.documentID)
                let place = places[key] ?? documents.count
                if place == documents.count {
                    places[key] = place
                    documents.append(
                        FusedDocument(
                            documentID: entry.documentID, score: 0, ranks: [Int?](repeating: nil, count: runs.count)))
                }
                documents[place].score += contribution(run, position)
                documents[place].ranks[run] = position + 1
            }
        }
    }

    var sorted: [FusedDocument] { documents.sorted(by: FusedDocument.precedes) }

    /// Throws `invalidInput` unless there is one finite weight of at least 0 for each run.
    static func check(weights: [Double], runs: [RankedRun]) throws(RankingError) {
        guard weights.count == runs.count else {
            throw RankingError(
                .invalidInput, what: "There are \(weights.count) weights for \(runs.count) runs.",
                why: "Each run has one weight.", fix: "Give one weight for each run, in the same order.")
        }
        for (weight, run) in zip(weights, runs) where !(weight >= 0 && weight.isFinite) {
            throw RankingError(
                .invalidInput, what: "Run \"\(run.name)\" has the weight \(weight).",
                why: "A weight is how much a run counts.", fix: "Give a number of at least 0; 1 is usual.")
        }
    }
}
