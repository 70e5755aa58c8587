import OrderedJSON
import TestSupport
import Testing

@Suite("Numbers are kept as they are written")
struct JSONNumberTests {
    private func number(_ literal: String) throws -> JSONNumber { try JSONNumber(parsing: literal) }

    @Test(
        "the text, the nearest double, and the whole number where there is one",
        arguments: [
            ("0", 0, 0), ("-0", -0.0, 0), ("-0.0", -0.0, 0), ("1.0", 1, 1), ("1e3", 1_000, 1_000), ("12E-1", 1.2, nil),
            ("0.5", 0.5, nil), ("-7", -7, -7), ("1e+2", 100, 100),
            ("1000000000000000019884624838656", 1_000_000_000_000_000_019_884_624_838_656, nil),
            ("1e400", .infinity, nil), ("-1e400", -.infinity, nil), ("1e-400", 0, 0),
            ("9223372036854775807", 9_223_372_036_854_775_808, 9_223_372_036_854_775_807),
            ("-9223372036854775808", -9_223_372_036_854_775_808, -9_223_372_036_854_775_808),
            ("9223372036854775808", 9_223_372_036_854_775_808, nil),
            // 2^53 is the last whole number whose neighbours a double can tell apart.
            ("9007199254740992.0", 9_007_199_254_740_992, 9_007_199_254_740_992),
            ("9007199254740994.0", 9_007_199_254_740_994, nil),
        ] as [(String, Double, Int?)])
    func values(literal: String, double: Double, int: Int?) throws {
        let number = try number(literal)
        #expect(number.description == literal)
        #expect(number.double.bitPattern == double.bitPattern)
        #expect(number.int == int)
        #expect(JSONValue.number(number).compact == literal)
    }

    @Test("1 and 1.0 are different texts, so different numbers")
    func equality() throws {
        #expect(try number("1") != number("1.0"))
        #expect(try number("1") == JSONNumber(1))
    }

    @Test("a double or float is written as the shortest text that reads back the same; NaN and infinity are refused")
    func floatingPoint() throws {
        #expect(JSONNumber(0.1)?.description == "0.1")
        #expect(JSONNumber(Float(0.1))?.description == "0.1")
        #expect(JSONNumber(Double.nan) == nil)
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(-Float.infinity) == nil)
        #expect(JSONNumber(Float.nan) == nil)
        for value in [1e22, 1e-7, .leastNonzeroMagnitude, 1.7976931348623157e308, -0.0] {
            let written = try #require(JSONNumber(value)).description
            #expect(try number(written).double.bitPattern == value.bitPattern)
        }
    }
}
