#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the command knows about where its output goes.
enum Terminal {
    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Colours on a terminal, unless NO_COLOR is set (<https://no-color.org>) or the terminal is dumb.
    static var colours: Bool {
        outputIsTerminal && getenv("NO_COLOR") == nil && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Columns of the terminal; COLUMNS, or 100, where there is none.
    static var width: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return getenv("COLUMNS").flatMap { Int(String(cString: $0)) } ?? 100
    }

    static func bold(_ text: String) -> String { colours ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    static func marked(_ text: String) -> String { colours ? "\u{1B}[1;4m\(text)\u{1B}[0m" : text }
    static func dim(_ text: String) -> String { colours ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
}

enum StandardError {
    static func write(_ text: String) {
        writeAll(text, to: STDERR_FILENO)
    }
}

/// A line on standard error that says how far a long job is; nothing where that is no terminal.
struct ProgressLine: Sendable {
    private let begin = ContinuousClock().now
    private let isShown = Terminal.errorIsTerminal

    func show(_ text: String) {
        // Short jobs stay quiet.
        guard isShown, ContinuousClock().now - begin > .milliseconds(700) else { return }
        StandardError.write("\r\u{1B}[K\(text)")
    }

    func clear() {
        if isShown { StandardError.write("\r\u{1B}[K") }
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
    func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }

    /// One line, cut to a width with an ellipsis, with the characters marked that have one of these code points.
    func shortened(to width: Int, marking spans: [Range<Int>] = []) -> String {
        let points = spans.reduce(into: Set<Int>()) { $0.formUnion($1) }
        var line: [(character: Character, isMarked: Bool)] = []
        var point = 0
        var isAfterSpace = false
        for character in self {
            let places = point..<point + character.unicodeScalars.count
            point = places.upperBound
            guard !character.isWhitespace else {
                isAfterSpace = true
                continue
            }
            if isAfterSpace, !line.isEmpty { line.append((" ", false)) }
            isAfterSpace = false
            line.append((character, places.contains(where: points.contains)))
            if line.count > width { break }
        }
        if line.count > width { line = line.prefix(width - 1) + [("…", false)] }
        var text = ""
        while let isMarked = line.first?.isMarked {
            let run = line.prefix { $0.isMarked == isMarked }
            let part = String(run.map(\.character))
            text += isMarked ? Terminal.marked(part) : part
            line.removeFirst(run.count)
        }
        return text
    }
}

extension Double {
    /// With this many decimals; as it is where it is too large for that.
    func formatted(places: Int) -> String {
        let factor = (0..<places).reduce(1.0) { power, _ in power * 10 }
        let parts = (abs(self) * factor).rounded()
        guard parts < 1e15 else { return "\(self)" }
        let digits = "\(Int(parts))".leftPadded(to: places + 1).replacing(" ", with: "0")
        return (self < 0 ? "-" : "") + digits.dropLast(places) + "." + digits.suffix(places)
    }
}

/// Nothing can be done about a failure: there is nowhere left to report it.
private func writeAll(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
    }
}
