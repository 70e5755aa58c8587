/// Finds the order in a text that is not JSON, in one pass and memory for `count` numbers, however long the text is.
///
/// `ListwiseAnswer` says what is trusted before what.
struct OrderScanner {
    private let count: Int
    /// Numbers joined by ">", up to here.
    private var chain: NumberRun
    /// Numbers between "[" and here; nil outside of brackets, and where there is anything but numbers in them.
    private var bracket: NumberRun?
    private var longest: NumberRun
    /// The numbers that have brackets of their own.
    private var bracketed: NamedPositions
    private var bracketedCount = 0
    private var all: NamedPositions
    private var allCount = 0
    /// False once something stands in the text that neither is a number nor separates numbers.
    private var isNumbersAlone = true
    /// What came last, white space and brackets aside.
    private var previous = Token.word
    /// A minus stands in front.
    private var isNegative = false

    private enum Token { case number, joint, comma, word }

    init(count: Int) {
        self.count = count
        chain = NumberRun(count: count)
        longest = chain
        bracketed = NamedPositions(count: count)
        all = bracketed
    }

    var best: NamedPositions {
        if let chain = longest.named { return chain }
        return isNumbersAlone ? all : bracketed
    }

    /// True where the text is `[3] > [1] > [2]` and nothing else.
    var isChainAlone: Bool {
        isNumbersAlone && bracketedCount == allCount && (allCount == 1 || longest.length == allCount)
    }

    mutating func scan(_ text: String) {
        let scalars = Array(text.unicodeScalars)
        var index = 0
        while index < scalars.count {
            let start = index
            if decimal(scalars[index]) != nil {
                index = endOfDigits(scalars, from: index)
                // "3rd" and "1.5" are no numbers of a list.
                if index < scalars.count, isLetter(scalars[index]) || isFraction(scalars, at: index) {
                    index = endOfWord(scalars, from: index + 1)
                    add(.word)
                } else {
                    add(isNegative ? nil : value(scalars[start..<index]))
                }
                isNegative = false
            } else if isLetter(scalars[index]) {
                index = endOfWord(scalars, from: index)
                isNegative = false
                // "Passage 3 > Passage 1"
                let isLabel = index - start <= 8 && labels.contains(lowercase(scalars[start..<index]))
                if isLabel { isNumbersAlone = false } else { add(.word) }
            } else {
                sign(scalars[index])
                index += 1
            }
        }
        end(chain)
        // The answer was cut.
        if let bracket { end(bracket) }
    }

    private mutating func sign(_ scalar: Unicode.Scalar) {
        isNegative = scalar == "-" || scalar == "−"
        switch scalar {
        case "[", "［", "【": bracket = NumberRun(count: count)
        case "]", "］", "】": closeBracket()
        case ">", "＞", "≻", "→": add(previous == .number || previous == .joint ? .joint : .word)
        case ",", ";", "，", "、": add(.comma)
        case "-", "−", "*", "`", "\"", "'", "(", ")": break
        default: if !isSpace(scalar) { add(.word) }
        }
    }

    private mutating func add(_ token: Token) {
        previous = token
        if token == .word {
            isNumbersAlone = false
            bracket = nil
        }
    }

    /// - Parameter number: Nil for one that is too large, or negative.
    private mutating func add(_ number: Int?) {
        if previous != .joint {
            end(chain)
            chain = NumberRun(count: count)
        }
        previous = .number
        chain.append(number)
        bracket?.append(number)
        all.append(number)
        allCount += 1
    }

    private mutating func closeBracket() {
        guard let run = bracket else { return }
        bracket = nil
        if run.length == 1 {
            bracketed.append(run.first)
            bracketedCount += 1
        } else {
            end(run)
        }
    }

    /// Of two runs that name as many documents, the later one is what was meant.
    private mutating func end(_ run: NumberRun) {
        guard let named = run.named, named.positions.count >= longest.named?.positions.count ?? 1 else { return }
        longest = run
    }
}

/// Numbers of a chain or a list.
private struct NumberRun {
    private let count: Int
    private(set) var length = 0
    private(set) var first: Int?
    /// Nil up to the second number: a text can have millions of lone ones.
    private(set) var named: NamedPositions?

    init(count: Int) { self.count = count }

    mutating func append(_ number: Int?) {
        length += 1
        if length == 1 {
            first = number
            return
        }
        if length == 2 {
            named = NamedPositions(count: count)
            named?.append(first)
        }
        named?.append(number)
    }
}

private let labels: Set<String> = ["passage", "document", "doc", "text"]

/// The digit of any script.
private func decimal(_ scalar: Unicode.Scalar) -> Int? {
    if scalar.isASCII { return ("0"..."9").contains(scalar) ? Int(scalar.value) - 48 : nil }
    return scalar.properties.numericType == .decimal ? scalar.properties.numericValue.map { Int($0) } : nil
}

private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_" }
    return scalar.properties.isAlphabetic
}

private func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar.properties.isWhitespace }

private func endOfDigits(_ scalars: [Unicode.Scalar], from start: Int) -> Int {
    scalars[start...].firstIndex { decimal($0) == nil } ?? scalars.count
}

private func endOfWord(_ scalars: [Unicode.Scalar], from start: Int) -> Int {
    guard start < scalars.count else { return scalars.count }
    return scalars[start...].firstIndex { !isLetter($0) && decimal($0) == nil } ?? scalars.count
}

private func isFraction(_ scalars: [Unicode.Scalar], at index: Int) -> Bool {
    scalars[index] == "." && index + 1 < scalars.count && decimal(scalars[index + 1]) != nil
}

private func lowercase(_ word: ArraySlice<Unicode.Scalar>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: word)
    return String(text).lowercased()
}

private func value(_ digits: ArraySlice<Unicode.Scalar>) -> Int? {
    digits.reduce(Optional(0)) { value, scalar in
        guard let value, let digit = decimal(scalar) else { return nil }
        let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tenfold.addingReportingOverflow(digit)
        return overflow || carry ? nil : sum
    }
}
