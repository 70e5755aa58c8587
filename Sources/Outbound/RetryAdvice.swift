/// How long a service asks to be left alone, and whether it wants the request again.
package struct RetryAdvice: Equatable {
    /// Nil where it does not say.
    package var wait: Duration?
    /// `x-should-retry`; nil where it does not say.
    package var shouldRetry: Bool?

    /// Reads `retry-after-ms`, else `Retry-After` in seconds or as a date, and `x-should-retry`.
    ///
    /// - Parameters:
    ///   - header: The first header of a name.
    ///   - now: Seconds since 1970.
    package init(header: (String) -> String?, now: Double) {
        wait =
            RetryAdvice.milliseconds(header("retry-after-ms")) ?? RetryAdvice.seconds(header("retry-after"), now: now)
        switch header("x-should-retry") {
        case "true": shouldRetry = true
        case "false": shouldRetry = false
        default: shouldRetry = nil
        }
    }

    private static func milliseconds(_ text: String?) -> Duration? {
        text.flatMap(Double.init).flatMap { duration(seconds: $0 / 1_000) }
    }

    private static func seconds(_ text: String?, now: Double) -> Duration? {
        guard let text else { return nil }
        return duration(seconds: Double(text) ?? httpDate(text).map { max(0, $0 - now) })
    }

    /// Nil for what is not a time; a day at most, which is more than anybody waits.
    private static func duration(seconds: Double?) -> Duration? {
        guard let seconds, seconds >= 0 else { return nil }
        return .seconds(min(seconds, 86_400))
    }

    /// Seconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT", the form of RFC 9110, section 5.6.7, that senders have to use.
    static func httpDate(_ text: String) -> Double? {
        let form = /[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT/
        guard let match = text.wholeMatch(of: form)?.output,
            let month = months.firstIndex(of: String(match.2)), let day = Int(match.1), let year = Int(match.3),
            let hour = Int(match.4), let minute = Int(match.5), let second = Int(match.6),
            (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        // Days by the Gregorian calendar, years counted from March so that the leap day is the last one.
        let shifted = month < 2 ? year - 1 : year
        let monthFromMarch = (month + 10) % 12
        let days =
            shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
            - 719_468
        return Double(days * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
