import Evaluation
import OrderedJSON
import Testing
import TextFiles

@Suite("Measures agree with trec_eval")
struct MeasureGoldenTests {
    @Test("800 random rankings with ties, negative grades and unjudged documents have trec_eval's values")
    func golden() throws {
        let path =
            String(#filePath[..<#filePath.ranges(of: "/EvaluationTests/")[0].lowerBound]) + "/Fixtures/measures.json"
        guard case .array(let cases) = try JSONValue.parse(InputBytes.read(path: path).bytes) else {
            Issue.record("measures.json is no list")
            return
        }
        #expect(cases.count == 800)
        for (index, item) in cases.enumerated() {
            let test = try #require(item.object)
            let level = try #require(test["level"]?.double)
            let grades = try #require(test["qrels"]?.object).members.map { ($0.key, Int($0.value.double ?? 0)) }
            let scores = try #require(test["run"]?.object).members.map { ($0.key, $0.value.double ?? 0) }
            let ranking = JudgedRanking(
                scores: Dictionary(uniqueKeysWithValues: scores), grades: Dictionary(uniqueKeysWithValues: grades))
            for member in try #require(test["expected"]?.object).members {
                let plain = try Measure(parsing: member.key)
                // nDCG looks at grades, so that the level does not touch it.
                let measure =
                    plain.family == .nDCG
                    ? plain : Measure(plain.family, cutoff: plain.cutoff, relevanceLevel: Int(level))
                let expected = try #require(member.value.double)
                #expect(abs(measure.value(ranking) - expected) < 1e-9, "case \(index), \(measure)")
            }
        }
    }
}

extension JSONValue {
    var object: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    var double: Double? {
        guard case .number(let number) = self else { return nil }
        return number.double
    }
}
