/// Porter's stemmer, step by step as the paper names them, with the two departures of Porter's own later programs that
/// Lucene has as well: "bli" → "ble" in place of "abli" → "able", and "logi" → "log". Words of one or two units stay.
///
/// Works in place on lowercase code units of UTF-8 (if all are ASCII) or UTF-16, and never makes a word longer.
/// Units other than a, e, i, o, u and y count as consonants.
///
/// Sources: Porter, An algorithm for suffix stripping, Program 14(3), 1980; <https://tartarus.org/martin/PorterStemmer/>.
struct PorterStemmer<Unit: FixedWidthInteger & UnsignedInteger> {
    private let word: UnsafeMutablePointer<Unit>
    /// Units of the word so far.
    private var count: Int
    /// Units before the suffix that `ends` matched last.
    private var stem = 0

    /// The length of the stem, which replaces the word in `units[0 ..< count]`.
    static func stem(_ units: UnsafeMutablePointer<Unit>, count: Int) -> Int {
        guard count > 2 else { return count }
        var stemmer = PorterStemmer(word: units, count: count)
        stemmer.step1ab()
        stemmer.step1c()
        stemmer.step2()
        stemmer.step3()
        stemmer.step4()
        stemmer.step5()
        return stemmer.count
    }

    private init(word: UnsafeMutablePointer<Unit>, count: Int) {
        self.word = word
        self.count = count
    }

    // MARK: Conditions

    @inline(__always)
    private func unit(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: min(word[index], 0xff)) }

    @inline(__always)
    private func isVowelLetter(_ index: Int) -> Bool {
        switch unit(index) {
        case ascii("a"), ascii("e"), ascii("i"), ascii("o"), ascii("u"): true
        default: false
        }
    }

    /// y is a consonant at the start and after a vowel.
    private func isConsonant(_ index: Int) -> Bool {
        if isVowelLetter(index) { return false }
        guard unit(index) == ascii("y") else { return true }
        var first = index
        while first > 0, unit(first - 1) == ascii("y") { first -= 1 }
        // Within a run of y consonants and vowels alternate; the first is a consonant at the start or after a vowel.
        let firstIsConsonant = first == 0 || isVowelLetter(first - 1)
        return (index - first).isMultiple(of: 2) == firstIsConsonant
    }

    /// m in `[C](VC)^m[V]`, of the first `length` units.
    private func measure(_ length: Int) -> Int {
        var count = 0
        var inVowels = false
        for index in 0..<length {
            let consonant = isConsonant(index)
            if inVowels && consonant { count += 1 }
            inVowels = !consonant
        }
        return count
    }

    /// *v*
    private func hasVowel(_ length: Int) -> Bool {
        for index in 0..<length where !isConsonant(index) { return true }
        return false
    }

    /// *d
    private func endsInDoubleConsonant() -> Bool {
        count >= 2 && word[count - 1] == word[count - 2] && isConsonant(count - 1)
    }

    /// *o: consonant, vowel, consonant, the last not w, x or y.
    private func endsInShortSyllable(_ length: Int) -> Bool {
        guard length >= 3, isConsonant(length - 1), !isConsonant(length - 2), isConsonant(length - 3) else {
            return false
        }
        switch unit(length - 1) {
        case ascii("w"), ascii("x"), ascii("y"): return false
        default: return true
        }
    }

    @inline(__always)
    private mutating func ends(_ suffix: StaticString) -> Bool {
        let length = suffix.utf8CodeUnitCount
        guard length <= count else { return false }
        let bytes = suffix.utf8Start
        for index in 0..<length where word[count - length + index] != Unit(bytes[index]) { return false }
        stem = count - length
        return true
    }

    /// Replaces the suffix that `ends` matched.
    @inline(__always)
    private mutating func replace(_ suffix: StaticString) {
        let bytes = suffix.utf8Start
        for index in 0..<suffix.utf8CodeUnitCount { word[stem + index] = Unit(bytes[index]) }
        count = stem + suffix.utf8CodeUnitCount
    }

    // MARK: Steps

    /// Plurals, -ed and -ing.
    private mutating func step1ab() {
        if unit(count - 1) == ascii("s") {
            if ends("sses") {
                count -= 2
            } else if ends("ies") {
                replace("i")
            } else if unit(count - 2) != ascii("s") {
                count -= 1
            }
        }
        if ends("eed") {
            if measure(stem) > 0 { count -= 1 }
        } else if ends("ed") || ends("ing"), hasVowel(stem) {
            count = stem
            restoreAfterStep1b()
        }
    }

    private mutating func restoreAfterStep1b() {
        if ends("at") {
            replace("ate")
        } else if ends("bl") {
            replace("ble")
        } else if ends("iz") {
            replace("ize")
        } else if endsInDoubleConsonant() {
            switch unit(count - 1) {
            case ascii("l"), ascii("s"), ascii("z"): break
            default: count -= 1
            }
        } else if measure(count) == 1, endsInShortSyllable(count) {
            stem = count
            replace("e")
        }
    }

    /// y → i after a vowel.
    private mutating func step1c() {
        if ends("y"), hasVowel(stem) { replace("i") }
    }

    /// The first of `rules` that matches is the only one; it applies where m > 0.
    @inline(__always)
    private mutating func apply(_ suffix: StaticString, _ replacement: StaticString) -> Bool {
        guard ends(suffix) else { return false }
        if measure(stem) > 0 { replace(replacement) }
        return true
    }

    /// Double suffixes to single ones.
    private mutating func step2() {
        guard count >= 2 else { return }
        switch unit(count - 2) {
        case ascii("a"): _ = apply("ational", "ate") || apply("tional", "tion")
        case ascii("c"): _ = apply("enci", "ence") || apply("anci", "ance")
        case ascii("e"): _ = apply("izer", "ize")
        case ascii("g"): _ = apply("logi", "log")
        case ascii("l"):
            _ =
                apply("bli", "ble") || apply("alli", "al") || apply("entli", "ent") || apply("eli", "e")
                || apply("ousli", "ous")
        case ascii("o"): _ = apply("ization", "ize") || apply("ation", "ate") || apply("ator", "ate")
        case ascii("s"):
            _ =
                apply("alism", "al") || apply("iveness", "ive") || apply("fulness", "ful")
                || apply("ousness", "ous")
        case ascii("t"): _ = apply("aliti", "al") || apply("iviti", "ive") || apply("biliti", "ble")
        default: break
        }
    }

    /// -ic-, -full, -ness.
    private mutating func step3() {
        switch unit(count - 1) {
        case ascii("e"): _ = apply("icate", "ic") || apply("ative", "") || apply("alize", "al")
        case ascii("i"): _ = apply("iciti", "ic")
        case ascii("l"): _ = apply("ical", "ic") || apply("ful", "")
        case ascii("s"): _ = apply("ness", "")
        default: break
        }
    }

    /// -ant, -ence and the like where m > 1.
    private mutating func step4() {
        guard count >= 2 else { return }
        let matched: Bool
        switch unit(count - 2) {
        case ascii("a"): matched = ends("al")
        case ascii("c"): matched = ends("ance") || ends("ence")
        case ascii("e"): matched = ends("er")
        case ascii("i"): matched = ends("ic")
        case ascii("l"): matched = ends("able") || ends("ible")
        case ascii("n"): matched = ends("ant") || ends("ement") || ends("ment") || ends("ent")
        case ascii("o"): matched = ends("ion") && stem > 0 && isSorT(stem - 1) || ends("ou")
        case ascii("s"): matched = ends("ism")
        case ascii("t"): matched = ends("ate") || ends("iti")
        case ascii("u"): matched = ends("ous")
        case ascii("v"): matched = ends("ive")
        case ascii("z"): matched = ends("ize")
        default: matched = false
        }
        if matched, measure(stem) > 1 { count = stem }
    }

    private func isSorT(_ index: Int) -> Bool { unit(index) == ascii("s") || unit(index) == ascii("t") }

    /// A final -e where m > 1, and -ll to -l.
    private mutating func step5() {
        if unit(count - 1) == ascii("e") {
            let measure = measure(count - 1)
            if measure > 1 || measure == 1 && !endsInShortSyllable(count - 1) { count -= 1 }
        }
        if unit(count - 1) == ascii("l"), endsInDoubleConsonant(), measure(count) > 1 { count -= 1 }
    }

    @inline(__always)
    private func ascii(_ scalar: Unicode.Scalar) -> UInt8 { UInt8(truncatingIfNeeded: scalar.value) }
}
