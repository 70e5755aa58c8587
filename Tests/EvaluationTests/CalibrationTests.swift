import Evaluation
import Ranking
import TestSupport
import Testing

@Suite("Calibration")
struct CalibrationTests {
    /// Labels drawn with probability σ(2x - 1).
    private func sample(_ count: Int, seed: UInt64) -> [LabelledScore] {
        var generator = SeededGenerator(seed: seed)
        let truth = PlattScaling(slope: 2, intercept: -1)
        return (0..<count).map { _ in
            let score = Double.random(in: -4...4, using: &generator)
            return LabelledScore(score: score, isRelevant: Double.random(in: 0..<1, using: &generator) < truth(score))
        }
    }

    @Test("Platt scaling finds the slope and intercept that drew the labels")
    func platt() throws {
        let fit = try #require(PlattScaling(fitting: sample(50_000, seed: 1)))
        #expect(abs(fit.slope - 2) < 0.06)
        #expect(abs(fit.intercept + 1) < 0.06)
    }

    @Test("Platt scaling of separable labels stays finite; without both labels there is no fit")
    func plattEdges() throws {
        let separable = [-2.0, -1, 1, 2].map { LabelledScore(score: $0, isRelevant: $0 > 0) }
        let fit = try #require(PlattScaling(fitting: separable))
        #expect(fit.slope.isFinite && fit.slope > 0)
        // The targets are 3/4 and 1/4.
        let highest = fit(2)
        #expect(highest < 0.9 && highest > 0.6)
        #expect(PlattScaling(fitting: separable.filter(\.isRelevant)) == nil)
        #expect(PlattScaling(fitting: []) == nil)
        let same = [true, false, false].map { LabelledScore(score: 1, isRelevant: $0) }
        let flat = try #require(PlattScaling(fitting: same))
        let probability = flat(1)
        #expect(probability.isFinite)
    }

    @Test("isotonic scaling pools what falls: labels 0 1 0 1 become 0, 1/2, 1/2, 1")
    func isotonic() throws {
        let labels = [false, true, false, true]
        let scores = labels.enumerated().map { LabelledScore(score: Double($0), isRelevant: $1) }
        let fit = try #require(IsotonicScaling(fitting: scores.reversed()))
        let fitted: [Double] = [0.0, 1, 2, 3].map { fit($0) }
        #expect(fitted == [0, 0.5, 0.5, 1])
        // Straight between the points, constant beyond them.
        let between: [Double] = [-9.0, 0.5, 2.5, 9].map { fit($0) }
        #expect(between == [0, 0.25, 0.75, 1])
        #expect(IsotonicScaling(fitting: []) == nil)
    }

    @Test("the calibration error is the weighted distance of each bin from its share")
    func error() {
        // Bin 0.9 ... 1: two of 0.95, one right: |0.95 - 0.5|. Bin 0 ... 0.1: two of 0.05, none right: 0.05.
        let predictions = [(0.95, true), (0.95, false), (0.05, false), (0.05, false)]
        #expect(abs(expectedCalibrationError(predictions) - (0.45 + 0.05) / 2) < 1e-12)
        #expect(expectedCalibrationError([]) == 0)
    }

    @Test("on held-out queries both scalings have a smaller error than the raw score")
    func report() throws {
        let queries = (0..<200).map { sample(50, seed: UInt64(100 + $0)) }
        let report = try #require(CalibrationReport(queries: queries))
        #expect(report.pairs == 10_000)
        #expect(report.errorBefore > 0.08)
        #expect(report.errorPlatt < 0.02)
        #expect(report.errorIsotonic < 0.03)
        #expect(CalibrationReport(queries: []) == nil)
    }
}
