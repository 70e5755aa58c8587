import Testing

@testable import Outbound

@Suite("What a service asks for in headers")
struct RetryAdviceTests {
    private func advice(_ headers: [String: String], now: Double = 0) -> RetryAdvice {
        RetryAdvice(header: { headers[$0] }, now: now)
    }

    @Test("seconds, also with a fraction")
    func seconds() {
        #expect(advice(["retry-after": "7"]).wait == .seconds(7))
        #expect(advice(["retry-after": "0.25"]).wait == .milliseconds(250))
    }

    @Test("milliseconds come before seconds")
    func milliseconds() {
        #expect(advice(["retry-after": "7", "retry-after-ms": "1500"]).wait == .milliseconds(1_500))
    }

    // The example of RFC 9110, section 5.6.7; `date -u -d "..." +%s` gives the seconds.
    @Test(
        "a date is a time from now",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799), ("Sun, 01 Mar 2026 00:00:00 GMT", 1_772_323_200),
            ("Fri, 31 Dec 2100 12:00:00 GMT", 4_133_937_600),
        ])
    func date(text: String, seconds: Double) {
        #expect(RetryAdvice.httpDate(text) == seconds)
        #expect(advice(["retry-after": text], now: seconds - 3).wait == .seconds(3))
        #expect(advice(["retry-after": text], now: seconds + 3).wait == .zero, "a time that is over is now")
    }

    @Test("what is no time is none", arguments: ["", "soon", "-1", "nan", "inf x", "Sun, 99 Nov 1994 08:49:37 GMT"])
    func nonsense(text: String) { #expect(advice(["retry-after": text]).wait == nil) }

    @Test("no wait is longer than a day", arguments: ["1e300", "inf", "99999999999999999999"])
    func huge(text: String) { #expect(advice(["retry-after": text]).wait == .seconds(86_400)) }

    @Test("x-should-retry")
    func shouldRetry() {
        #expect(advice(["x-should-retry": "true"]).shouldRetry == true)
        #expect(advice(["x-should-retry": "false"]).shouldRetry == false)
        #expect(advice([:]) == advice(["x-should-retry": "perhaps"]))
    }

    @Test("own waits double up to the longest, less up to a quarter by chance")
    func backoff() {
        let retries = RetryPolicy()
        #expect((1...6).map { retries.wait(after: $0, chance: 0) } == [0.5, 1, 2, 4, 8, 8].map { .seconds($0) })
        #expect(retries.wait(after: 3, chance: 0.999_999) >= .milliseconds(1_500))
        #expect(retries.wait(after: .max, chance: 0) == .seconds(8))
    }
}
