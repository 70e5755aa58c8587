import Foundation
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("Calibrated scores")
struct CalibratedScoreTests {
    private let query = "river temperature"
    private let texts = ["water budget", "river temperature", "the river is cold", "council election", "lighthouse"]

    private static func file(model: String) throws -> CalibrationFile {
        let points = [(-3.0, 0.1), (0, 0.1), (0.5, 0.75)].map {
            IsotonicScaling.Point(score: $0.0, probability: $0.1)
        }
        return CalibrationFile(
            model: model, source: "help, test, bm25+rerank", pairs: 50, relevant: 7,
            platt: PlattScaling(slope: 2, intercept: -1), isotonic: try #require(IsotonicScaling(points: points)),
            expectedCalibrationError: (0.25, 0.03, 0.02))
    }

    @Test("Platt: 1 / (1 + e^-(slope · logit + intercept)); the minimum is a probability")
    func platt() async throws {
        let reranker = try Models.plain()
        let plain = try await reranker.rerank(query, texts)
        let scaling = PlattScaling(slope: 2, intercept: -1)
        let ranking = try await reranker.rerank(query, texts, options: RerankOptions(calibration: .platt(scaling)))
        #expect(ranking.candidates.map(\.index) == plain.candidates.map(\.index))
        for candidate in ranking.candidates {
            #expect(candidate.scoreKind == .calibratedProbability)
            #expect(candidate.score == Float(1 / (1 + exp(-(2 * Double(candidate.logit) - 1)))))
        }
        let second = ranking.candidates[1].score
        let best = try await reranker.rerank(
            query, texts, options: RerankOptions(minScore: second, calibration: .platt(scaling)))
        #expect(best.candidates.count == 2)
        #expect(best.report.belowMinScore == 3)
    }

    @Test("isotonic: logits that get one probability stay in the order of the logits, documents and passages alike")
    func isotonicOrder() async throws {
        let reranker = try Models.plain()
        let flat = try #require(IsotonicScaling(points: [IsotonicScaling.Point(score: 0, probability: 0.5)]))
        let plain = try await reranker.rerank(query, texts)
        let documents = texts.map { Document($0, id: String($0.reversed())) }
        let ranking = try await reranker.rerank(query, documents, options: RerankOptions(calibration: .isotonic(flat)))
        #expect(ranking.candidates.allSatisfy { $0.score == 0.5 })
        #expect(ranking.candidates.map(\.index) == plain.candidates.map(\.index))

        let long = texts.map { $0 + "." }.joined(separator: " ")
        var split = RerankOptions(longDocuments: .split(overlapTokens: 0), maxTokens: 10)
        let expected = try await reranker.rerank(query, [long], options: split)
        split.calibration = .isotonic(flat)
        let passage = try await reranker.rerank(query, [long], options: split).candidates[0]
        #expect(passage.passages > 1)
        #expect(passage.passage == expected.candidates[0].passage)
        #expect(passage.logit == expected.candidates[0].logit)
    }

    @Test(
        "isotonic: straight between the points, constant beyond them",
        arguments: [
            (-9.0, 0.1), (-3, 0.1), (-1, 0.1), (0, 0.1), (0.25, 0.425), (0.5, 0.75), (7, 0.75),
        ])
    func isotonicValues(logit: Double, probability: Double) throws {
        let value = try CalibratedScoreTests.file(model: "m").isotonic(logit)
        #expect(abs(value - probability) < 1e-12)
    }

    @Test("points that fall, repeat a score, leave 0 ... 1 or are not numbers are no function")
    func noFunction() {
        for points in [[], [(0, 0.5), (1, 0.4)], [(0, 0.5), (0, 0.6)], [(0, 1.5)], [(.nan, 0.5)], [(0, .nan)]]
            as [[(Double, Double)]]
        {
            #expect(IsotonicScaling(points: points.map { .init(score: $0.0, probability: $0.1) }) == nil)
        }
    }

    @Test("what is stored is read back; another model's calibration, none, and a damaged one are errors")
    func stored() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let reranker = try Models.plain()
        func error(_ name: String, _ content: String?) throws -> RankingError? {
            if let content { try folder.write(name, content) }
            return #expect(throws: RankingError.self) {
                try reranker.calibration(.platt, file: folder.path + "/" + name)
            }
        }
        let own = try CalibratedScoreTests.file(model: reranker.model.name)
        let json = JSONValue.object(own.json).pretty
        try folder.write("own.json", json)
        #expect(try CalibrationFile(path: folder.path + "/own.json") == own)
        #expect(try reranker.calibration(.platt, file: folder.path + "/own.json") == .platt(own.platt))
        #expect(try reranker.calibration(.isotonic, file: folder.path + "/own.json") == .isotonic(own.isotonic))

        let other = try CalibratedScoreTests.file(model: "other")
        #expect(try error("other.json", JSONValue.object(other.json).pretty)?.code == .invalidInput)
        #expect(try error("none.json", nil)?.code == .notFound)
        #expect(throws: RankingError.self) { try reranker.calibration(.platt) }
        for (cut, put) in [
            ("\"slope\": 2", "\"slope\": -2"), ("\"slope\": 2", "\"slope\": 1e999"), ("0.75", "1.75"),
            ("0.75", "\"a\""),
            ("\"isotonic\": [", "\"isotonic\": {\"a\": ["), ("\"pairs\": 50", "\"pairs\": -1"),
            ("\"platt\": {", "\"line\": {"),
        ] {
            let damaged = try #require(json.contains(cut) ? json.replacingOccurrences(of: cut, with: put) : nil)
            #expect(try error("damaged.json", damaged)?.code == .corruptFile, "\(put)")
        }
    }
}
