"""Writes Sources/Tokenizers/Unicode/UnicodeTables.swift by asking the reference library about every code point.

    python -m venv env && env/bin/pip install -r Tools/unicode-tables/requirements.txt
    env/bin/python Tools/unicode-tables/generate.py Sources/Tokenizers/Unicode/UnicodeTables.swift

The `tokenizers` library carries tables of several Unicode versions (its crates were built at different times), and
Swift's own depend on the system. A checkpoint was trained on the former, so they are copied by observation; `OBSERVED`
below says by which part of the library each set is seen.

Two things cannot be seen directly, and are taken from Python and `regex` as far as what can be seen confirms them:

- canonical combining classes: the order they give is compared with NFD's on random strings of marks;
- classes of grapheme clusters: what joins a letter in front of it or behind it is observed, of which kind it is comes
  from `regex`; the clusters are compared with those of the library on random strings.

Numbers are written as base64 VLQ, as source maps are: digits of five bits, lowest first, 32 added where more follow.
"""

import random
import string
import struct
import sys
import unicodedata

import regex
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BERT_OFF = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


def bert(**on):
    return normalizers.BertNormalizer(**{**BERT_OFF, **on}).normalize_str


def removed_by(pre_tokenizer):
    """Whether a pre-tokenizer that drops what it matches drops this code point."""
    return lambda c: pre_tokenizer.pre_tokenize_str(chr(c)) == []


def split(pattern):
    return removed_by(pre_tokenizers.Split(Regex(pattern), "removed"))


def is_hangul(c):
    return 0xAC00 <= c < 0xAC00 + 11172


CLEAN, CHINESE, STRIP = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
LOWER, NFD, NFKD = bert(lowercase=True), normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
NFC, NFKC = normalizers.NFC().normalize_str, normalizers.NFKC().normalize_str
BERT_SPLIT = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
WORDS = pre_tokenizers.Whitespace().pre_tokenize_str
DIGIT = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
MARKS = normalizers.StripAccents().normalize_str


def is_word(c):
    pieces = [piece for piece, _ in WORDS("a" + chr(c) + "b")]
    assert pieces in (["a", "b"], ["a" + chr(c) + "b"], ["a", chr(c), "b"]), hex(c)
    return len(pieces) == 1


def is_numeric(c):
    return len(DIGIT("a" + chr(c))) == 2


# Name, what it is, and how it is seen. In the order of the properties in TextUnicode.swift.
OBSERVED = [
    ("removed", "Cleaned away by BertNormalizer.", lambda c: CLEAN(chr(c)) == ""),
    ("cleanedToSpace", "Turned into a space by BertNormalizer.", lambda c: c != 32 and CLEAN(chr(c)) == " "),
    ("chinese", "Surrounded by spaces by BertNormalizer.", lambda c: CHINESE(chr(c)) != chr(c)),
    ("nonspacingMark", "Dropped by BertNormalizer when it strips accents, though it decomposes to itself.",
     lambda c: STRIP(chr(c)) == "" and NFD(chr(c)) == chr(c)),
    ("whitespace", "White space, to every part of the library.", removed_by(pre_tokenizers.WhitespaceSplit())),
    ("punctuation", "A word of its own in BertPreTokenizer and Punctuation.",
     lambda c: len(BERT_SPLIT("a" + chr(c) + "b")) == 3),
    ("combiningMark", "Dropped by StripAccents.", lambda c: MARKS(chr(c)) == ""),
    ("numeric", "A digit to Digits.", is_numeric),
    ("word", "`\\w` in Whitespace.", is_word),
    ("letter", "`\\p{L}` in Split.", split(r"\p{L}")),
    ("number", "`\\p{N}` in Split.", split(r"\p{N}")),
    ("decimalDigit", "`\\d` in Split.", split(r"\d")),
]


def observe():
    sets = {name: [c for c in ALL if test(c)] for name, _, test in OBSERVED}
    whitespace = sets["whitespace"]
    for same in (split(r"\s"), lambda c: normalizers.Strip().normalize_str(chr(c)) == "",
                 lambda c: [p for p, _ in BERT_SPLIT("a" + chr(c) + "b")] == ["a", "b"],
                 lambda c: [p for p, _ in WORDS("a" + chr(c) + "b")] == ["a", "b"]):
        assert [c for c in ALL if same(c)] == whitespace
    punctuation = removed_by(pre_tokenizers.Punctuation("removed"))
    assert [c for c in ALL if punctuation(c)] == sets["punctuation"]
    lower = normalizers.Lowercase().normalize_str
    assert all(lower(chr(c)) == LOWER(chr(c)) for c in ALL)
    canonical = {c: NFD(chr(c)) for c in ALL if not is_hangul(c) and NFD(chr(c)) != chr(c)}
    compatible = {c: NFKD(chr(c)) for c in ALL if not is_hangul(c) and NFKD(chr(c)) != NFD(chr(c))}
    lowercase = {c: LOWER(chr(c)) for c in ALL if LOWER(chr(c)) != chr(c)}
    excluded = [c for c in canonical if NFC(chr(c)) != chr(c)]
    assert all(NFC(chr(c)) == chr(c) for c in ALL if c not in canonical)
    return sets, canonical, compatible, lowercase, excluded


def combining_classes(canonical):
    """Classes of the code points that NFD leaves alone; those unknown to the library's version count as 0."""
    classes = {}
    for c in ALL:
        value = unicodedata.combining(chr(c))
        # A mark the library knows moves in front of, or behind, a mark of another class.
        if value and c not in canonical:
            pair = "a\u0301" + chr(c) if value < 230 else "a" + chr(c) + "\u0323"
            if NFD(pair) != pair:
                classes[c] = value
    return classes


class Model:
    """What Swift does with the tables."""

    def __init__(self, canonical, compatible, classes, excluded):
        self.canonical, self.compatible, self.classes = canonical, compatible, classes
        self.pairs = {}
        # A composite of three is made of one of two, which has to be known by then.
        for c, text in sorted(canonical.items(), key=lambda item: len(item[1])):
            if c not in excluded:
                first = self.compose(text[:-1]) if len(text) > 2 else text[0]
                self.pairs[first + text[-1]] = chr(c)

    def decompose(self, text, compatible=False):
        out = []
        for ch in text:
            c = ord(ch)
            if is_hangul(c):
                s = c - 0xAC00
                out += [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
            else:
                both = self.compatible.get(c) if compatible else None
                out += [ord(x) for x in both or self.canonical.get(c, ch)]
        result, run = [], []
        for c in out:
            if self.classes.get(c, 0) == 0:
                result += sorted(run, key=lambda x: self.classes[x]) + [c]
                run = []
            else:
                run.append(c)
        return "".join(map(chr, result + sorted(run, key=lambda x: self.classes[x])))

    def pair(self, a, b):
        x, y = ord(a), ord(b)
        if 0x1100 <= x < 0x1113 and 0x1161 <= y < 0x1176:
            return chr(0xAC00 + ((x - 0x1100) * 21 + y - 0x1161) * 28)
        if is_hangul(x) and (x - 0xAC00) % 28 == 0 and 0x11A8 <= y < 0x11C3:
            return chr(x + y - 0x11A7)
        return self.pairs.get(a + b)

    def compose(self, text):
        out, starter, last = [], None, 0
        for ch in text:
            value = self.classes.get(ord(ch), 0)
            if starter is not None and (last < value or starter == len(out) - 1):
                both = self.pair(out[starter], ch)
                if both:
                    out[starter] = both
                    continue
            if value == 0:
                starter = len(out)
            last = value
            out.append(ch)
        return "".join(out)


def verify_normalization(model, excluded):
    rng = random.Random(20261121)
    marks, composed, wide = sorted(model.classes), sorted(model.canonical), sorted(model.compatible)
    parts = sorted({ord(x) for pair in model.pairs for x in pair})
    for _ in range(300_000):
        pool = [rng.choice(marks) for _ in range(3)] + [rng.choice(parts) for _ in range(4)] + [
            rng.choice(composed), rng.choice(wide), rng.choice(excluded), rng.choice(ALL), 0xAC00 + rng.randrange(11172),
            0x1100 + rng.randrange(20), 0x1161 + rng.randrange(22), 0x11A7 + rng.randrange(30)]
        text = "".join(chr(rng.choice(pool)) for _ in range(rng.randrange(1, 9)))
        name = [hex(ord(x)) for x in text]
        assert model.decompose(text) == NFD(text), name
        assert model.decompose(text, compatible=True) == NFKD(text), name
        assert model.compose(model.decompose(text)) == NFC(text), name
        assert model.compose(model.decompose(text, compatible=True)) == NFKC(text), name


def clusters_seen():
    """A Precompiled normalizer that makes one X of each grapheme cluster below six bytes; of longer ones, of each scalar.

    Its double array has one level, with a leaf behind every first byte.
    """
    units = [0] * 1024
    units[0] = 256 << 10
    for byte in range(1, 256):
        units[256 ^ byte] = ((256 ^ byte ^ 768) << 10) | 1 << 8 | byte
    units[768] = 1 << 31
    blob = struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + b"X\0"
    return normalizers.Precompiled(blob).normalize_str


# In the order of GraphemeClass in GraphemeClusters.swift, but for "other".
GRAPHEME_CLASSES = [
    ("control", r"[\p{GCB=Control}\p{GCB=CR}\p{GCB=LF}]"), ("nonJoiner", "\u200c"),
    ("linker", r"[\p{InCB=Linker}--\p{GCB=Prepend}]"), ("extend", r"\p{GCB=Extend}"), ("joiner", r"\p{GCB=ZWJ}"),
    ("prepend", r"\p{GCB=Prepend}"), ("spacingMark", r"\p{GCB=SpacingMark}"), ("leading", r"\p{GCB=L}"),
    ("vowel", r"\p{GCB=V}"), ("trailing", r"\p{GCB=T}"), ("regionalIndicator", r"\p{GCB=Regional_Indicator}"),
    ("pictograph", r"\p{ExtPict}"), ("consonant", r"\p{InCB=Consonant}"),
]
AFTER = ("nonJoiner", "linker", "extend", "joiner", "spacingMark")


def grapheme_classes():
    seen = clusters_seen()
    table = {}
    classes = {name: index + 1 for index, (name, _) in enumerate(GRAPHEME_CLASSES)}
    for index, (name, pattern) in enumerate(GRAPHEME_CLASSES):
        matches = regex.compile(pattern, regex.V1).match
        for c in ALL:
            if not is_hangul(c) and matches(chr(c)):
                table.setdefault(c, index + 1)
    for c in ALL:
        if c == 0:
            continue  # The library's trie ends at it; it is a control.
        name = GRAPHEME_CLASSES[table[c] - 1][0] if c in table else "other"
        joins_after, joins_before = seen("a" + chr(c)) == "X", seen(chr(c) + "a") == "X"
        if (joins_after and name not in AFTER) or (joins_before and name != "prepend"):
            # The library's Unicode is older, and had it in another class.
            table[c] = classes["spacingMark" if joins_after else "prepend"]
        elif (name in AFTER and not joins_after) or (name == "prepend" and not joins_before):
            del table[c]
        if c < 0x10000 and c not in (0x0D, 0x0A) and not joins_after:
            joined = seen(chr(c) + "\u0301")
            if c < 0x800 or len(chr(c).encode()) + 2 < 6:
                assert (joined == "XX") == (table.get(c) == 1), hex(c)
        # A consonant, a linker and a consonant with a mark: one cluster of eleven bytes, or two of six and five.
        name = GRAPHEME_CLASSES[table[c] - 1][0] if c in table else "other"
        if name == "linker" and seen("\u0915" + chr(c) + "\u0915\u0308") != "XXXX":
            table[c] = classes["extend"]
        elif name == "consonant" and seen(chr(c) + "\u094d\u0915\u0308") != "XXXX":
            del table[c]
        elif name == "other" and c >= 0x800 and not is_hangul(c):
            assert seen(chr(c) + "\u094d\u0915\u0308") == "XXX", hex(c)
    return table


def clusters(text, table):
    out = []
    names = ["other"] + [name for name, _ in GRAPHEME_CLASSES]
    kind = lambda ch: names[table.get(ord(ch), 0)]
    for ch in text:
        if out:
            cluster = out[-1]
            a, b = cluster[-1], ch
            ka, kb = kind(a), kind(b)
            if ka == "control" or kb == "control":
                join = a + b == "\r\n"
            elif kb in AFTER or ka == "prepend":
                join = True
            elif ka == "leading" and (kb in ("leading", "vowel") or is_hangul(ord(b))):
                join = True
            elif (ka == "vowel" or (is_hangul(ord(a)) and (ord(a) - 0xAC00) % 28 == 0)) and kb in ("vowel", "trailing"):
                join = True
            elif (ka == "trailing" or is_hangul(ord(a))) and kb == "trailing":
                join = True
            elif ka == kb == "regionalIndicator":
                run = 0
                while run < len(cluster) and kind(cluster[-1 - run]) == "regionalIndicator":
                    run += 1
                join = run % 2 == 1
            elif ka == "joiner" and kb == "pictograph":
                rest = cluster[:-1]
                while rest and kind(rest[-1]) in ("extend", "linker", "nonJoiner"):
                    rest = rest[:-1]
                join = bool(rest) and kind(rest[-1]) == "pictograph"
            elif kb == "consonant":
                rest, linked = cluster, False
                while rest and kind(rest[-1]) in ("extend", "linker", "joiner"):
                    linked = linked or kind(rest[-1]) == "linker"
                    rest = rest[:-1]
                join = linked and bool(rest) and kind(rest[-1]) == "consonant"
            else:
                join = False
            if join:
                out[-1] += ch
                continue
        out.append(ch)
    return out


def verify_clusters(table):
    seen = clusters_seen()
    rng = random.Random(20261121)
    by_class = {}
    for c, index in table.items():
        by_class.setdefault(index, []).append(c)
    classes = list(by_class.values()) + [[c for c in range(1, 0x300)], [0xA9, 0xAE], [13, 10], [0x200D], [0x301, 0x308],
                                         [0xAC00, 0xAC01], [0x915, 0x94D, 0x937, 0x200C]]
    for _ in range(300_000):
        text = "".join(chr(rng.choice(rng.choice(classes))) for _ in range(rng.randrange(1, 7))).replace("\0", "")
        expected = "".join("X" if len(x.encode()) < 6 else "X" * len(x) for x in clusters(text, table))
        assert seen(text) == expected, [hex(ord(x)) for x in text]


def vlq(numbers):
    out = []
    for number in numbers:
        assert number >= 0
        while number >= 32:
            out.append(DIGITS[32 | number & 31])
            number >>= 5
        out.append(DIGITS[number])
    return "".join(out)


def zigzag(number):
    return number << 1 if number >= 0 else -number << 1 | 1


def ranges(points):
    """Distance from the end of the last range, and length less one, of each range of neighbours."""
    out, end = [], 0
    for start, last in runs(points, lambda c: 0):
        out += [start - end, last - start]
        end = last
    return out


def runs(points, value):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1 and value(c) == value(out[-1][0]):
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def valued_ranges(table):
    out, end = [], 0
    for start, last in runs(sorted(table), table.get):
        out += [start - end, last - start, table[start]]
        end = last
    return out


def mapping(table):
    """For each key: distance from the last key, length, and each scalar's difference from that at the same place before."""
    out, last, before = [], 0, []
    for key in sorted(table):
        values = [ord(x) for x in table[key]]
        out += [key - last, len(values)]
        for place, value in enumerate(values):
            previous = before[place] if place < len(before) else 0
            out.append(zigzag(value - previous))
        before = values + before[len(values):]
        last = key
    return out


def literal(name, numbers, comment):
    text = vlq(numbers)
    lines = [text[i:i + 112] for i in range(0, len(text), 112)]
    body = "".join(f"        {line}\\\n" for line in lines[:-1]) + f"        {lines[-1]}\n"
    return f'    /// {comment}\n    static let {name}: StaticString = """\n{body}        """\n'


def main(path):
    sets, canonical, compatible, lowercase, excluded = observe()
    classes = combining_classes(canonical)
    verify_normalization(Model(canonical, compatible, classes, set(excluded)), excluded)
    graphemes = grapheme_classes()
    verify_clusters(graphemes)
    parts = [literal(name, ranges(sets[name]), comment + " Ranges.") for name, comment, _ in OBSERVED]
    parts += [
        literal("canonical", mapping(canonical), "Canonical decompositions but for Hangul, fully expanded. A mapping."),
        literal("compatible", mapping(compatible), "Compatibility decompositions where they differ from these. A mapping."),
        literal("excluded", ranges(excluded), "Code points with a canonical decomposition that NFC does not compose. Ranges."),
        literal("lowercase", mapping(lowercase), "Lowercase, code point by code point. A mapping."),
        literal("combiningClass", valued_ranges(classes), "Canonical combining classes other than 0. Ranges with values."),
        literal("grapheme", valued_ranges(graphemes), "`GraphemeClass`es other than 0, Hangul syllables left to arithmetic. Ranges with values."),
    ]
    header = (
        "// Generated by Tools/unicode-tables/generate.py from what tokenizers "
        f"{tokenizers.__version__} does with every code point; do not edit.\n\n"
        "/// The Unicode data of the reference library, in the form that `UnicodeTableReader` reads.\nenum UnicodeTables {\n")
    with open(path, "w") as file:
        file.write(header + "\n".join(parts) + "}\n")


if __name__ == "__main__":
    main(sys.argv[1])
