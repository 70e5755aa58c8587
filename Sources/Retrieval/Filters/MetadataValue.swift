public import OrderedJSON

/// A value of a document's metadata, as filters compare it.
public enum MetadataValue: Sendable, Hashable {
    case string(String)
    case number(Double)
    case boolean(Bool)
    /// Seconds since 1970 in UTC.
    case date(Double)

    public static func == (a: MetadataValue, b: MetadataValue) -> Bool {
        switch (a, b) {
        // By bytes: strings that Swift takes for equal can have different ones.
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.number(let a), .number(let b)), (.date(let a), .date(let b)): a == b
        case (.boolean(let a), .boolean(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .string(let text): for byte in text.utf8 { hasher.combine(byte) }
        case .number(let number): hasher.combine(number)
        case .boolean(let flag): hasher.combine(flag)
        case .date(let seconds): hasher.combine(seconds)
        }
    }

    /// The fields of a metadata object and their values.
    ///
    /// A list gives several values; an object inside gives fields with dotted names, "author.name"; null gives none. A
    /// string that reads as an ISO 8601 date, a number, true or false gives two values, the string and what it reads as:
    /// tables have nothing but strings.
    public static func entries(of metadata: JSONObject) -> [(field: String, value: MetadataValue)] {
        var entries: [(field: String, value: MetadataValue)] = []
        for member in metadata.members { append(member.value, field: member.key, to: &entries) }
        return entries
    }

    private static func append(
        _ value: JSONValue, field: String, to entries: inout [(field: String, value: MetadataValue)]
    ) {
        switch value {
        case .null: return
        case .bool(let flag): entries.append((field, .boolean(flag)))
        case .number(let number): entries.append((field, .number(number.double)))
        case .string(let text):
            entries.append((field, .string(text)))
            if let other = reading(of: text) { entries.append((field, other)) }
        case .array(let items): for item in items { append(item, field: field, to: &entries) }
        case .object(let object):
            for member in object.members { append(member.value, field: field + "." + member.key, to: &entries) }
        }
    }
}

extension MetadataValue {
    /// What a text reads as besides itself.
    static func reading(of text: String) -> MetadataValue? {
        if text == "true" || text == "false" { return .boolean(text == "true") }
        if let seconds = ISODate.seconds(text) { return .date(seconds) }
        return number(text).map { .number($0) }
    }

    /// A decimal number; not "nan", "inf" or hexadecimal ones, which Double reads too. One beyond the largest double is
    /// none either, unless `allowingInfinity`: JSON's 1e999 is read as infinite, and a filter can ask for it.
    static func number(_ text: String, allowingInfinity: Bool = false) -> Double? {
        guard let first = text.utf8.first, text.utf8.count < 64, first < 0x3A,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }),
            let number = Double(text), number.isFinite || allowingInfinity && number.isInfinite
        else { return nil }
        return number
    }
}

/// Dates of ISO 8601 and RFC 3339: `2026-01-31`, `2026-01-31T12:00`, `2026-01-31 12:00:00.5Z`, `...+02:00`.
package enum ISODate {
    /// Seconds since 1970 in UTC; nil for what is no date. A time without a zone is UTC.
    package static func seconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 10, bytes.count <= 64 else { return nil }
        var reader = Reader(bytes: bytes)
        guard let year = reader.digits(4), reader.take("-"), let month = reader.digits(2), reader.take("-"),
            let day = reader.digits(2), (1...12).contains(month), day >= 1, day <= days(in: month, of: year)
        else { return nil }
        let midnight = Double(daysSince1970(year: year, month: month, day: day)) * 86_400
        if reader.isAtEnd { return midnight }
        guard reader.take("T") || reader.take("t") || reader.take(" "), let hour = reader.digits(2), reader.take(":"),
            let minute = reader.digits(2), hour < 24, minute < 60
        else { return nil }
        var second = 0.0
        if reader.take(":") {
            // 60 is a leap second, which counts as the next one.
            guard let whole = reader.digits(2), whole <= 60 else { return nil }
            second = Double(whole)
            if reader.take(".") {
                guard let fraction = reader.fraction() else { return nil }
                second += fraction
            }
        }
        guard let zone = reader.zone(), reader.isAtEnd else { return nil }
        return midnight + Double(hour * 3600 + minute * 60) + second - Double(zone)
    }

    /// The date and time, as `seconds` reads it: in UTC, or, at the ends of the years 0 ... 9999, in a zone in which it
    /// is in these. Nil outside.
    static func text(_ seconds: Double) -> String? {
        text(seconds, zone: "Z") ?? text(seconds + farthestZone, zone: "+23:59")
            ?? text(seconds - farthestZone, zone: "-23:59")
    }

    private static let farthestZone = 86_340.0

    private static func text(_ seconds: Double, zone: String) -> String? {
        guard seconds.isFinite, abs(seconds) < 1e12 else { return nil }
        let whole = seconds.rounded(.down)
        var days = Int(whole) / 86_400
        var rest = Int(whole) % 86_400
        if rest < 0 { (days, rest) = (days - 1, rest + 86_400) }
        let (year, month, day) = civil(days)
        guard (0...9999).contains(year) else { return nil }
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date = String(repeating: "0", count: 4 - "\(year)".count) + "\(year)-\(two(month))-\(two(day))"
        if rest == 0, seconds == whole, zone == "Z" { return date }
        let time = "T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
        return date + time + fraction(seconds - whole) + zone
    }

    /// ".25" for 0.25; all digits of small fractions too, which Swift writes with an exponent.
    private static func fraction(_ value: Double) -> String {
        if value == 0 { return "" }
        let parts = "\(value)".split(separator: "e")
        guard parts.count == 2, let exponent = Int(parts[1]) else { return String(parts[0].dropFirst()) }
        return "." + String(repeating: "0", count: max(0, -exponent - 1)) + parts[0].filter { $0 != "." }
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        var isAtEnd: Bool { offset == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
            offset += 1
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            guard offset + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[offset..<offset + count] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            offset += count
            return value
        }

        mutating func fraction() -> Double? {
            let start = offset
            while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) { offset += 1 }
            guard offset > start else { return nil }
            return Double("0." + String(decoding: bytes[start..<offset], as: UTF8.self))
        }

        /// Seconds east of UTC; 0 where there is no zone, nil where it is none.
        mutating func zone() -> Int? {
            if isAtEnd || take("Z") || take("z") { return 0 }
            let sign = take("+") ? 1 : take("-") ? -1 : 0
            guard sign != 0, let hour = digits(2), hour < 24 else { return nil }
            _ = take(":")
            guard let minute = isAtEnd ? 0 : digits(2), minute < 60 else { return nil }
            return sign * (hour * 3600 + minute * 60)
        }
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // Source of both: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms,
    // <https://howardhinnant.github.io/date_algorithms.html>.

    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted + (shifted < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
