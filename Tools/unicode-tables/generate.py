"""Writes Sources/Tokenizers/Unicode/BertUnicodeTables.swift by asking the reference library about every code point.

    python -m venv env && env/bin/pip install -r Tools/unicode-tables/requirements.txt
    env/bin/python Tools/unicode-tables/generate.py Sources/Tokenizers/Unicode/BertUnicodeTables.swift

The `tokenizers` library carries tables of several Unicode versions (its crates were built at different times), and
Swift's own depend on the system. A checkpoint was trained on the former, so they are copied by observation:

- cleaned away, or turned into a space, by BertNormalizer(clean_text)
- surrounded by spaces by BertNormalizer(handle_chinese_chars)
- canonical decompositions by NFD, Hangul left to arithmetic
- dropped by BertNormalizer(strip_accents) though they decompose to themselves: nonspacing marks
- lowercase mappings by BertNormalizer(lowercase)
- white space and punctuation by BertPreTokenizer

Canonical combining classes cannot be observed directly; they are Python's, and the script compares the ordering they
give with NFD's on random strings of marks before it writes anything.
"""

import random
import sys
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
OFF = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)


def bert(**on):
    return normalizers.BertNormalizer(**{**OFF, **on}).normalize_str


def is_hangul(c):
    return 0xAC00 <= c < 0xAC00 + 11172


def observe():
    clean, chinese = bert(clean_text=True), bert(handle_chinese_chars=True)
    strip, lower = bert(strip_accents=True), bert(lowercase=True)
    nfd, split = normalizers.NFD().normalize_str, pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    sets = {name: [] for name in ("removed", "whitespace", "chinese", "nonspacingMark", "separator", "punctuation")}
    decompositions, lowercase = {}, {}
    for c in ALL:
        ch = chr(c)
        cleaned = clean(ch)
        if cleaned == "":
            sets["removed"].append(c)
        elif cleaned == " " and ch != " ":
            sets["whitespace"].append(c)
        if chinese(ch) != ch:
            sets["chinese"].append(c)
        decomposed = nfd(ch)
        if decomposed != ch and not is_hangul(c):
            decompositions[c] = decomposed
        if decomposed == ch and strip(ch) == "":
            sets["nonspacingMark"].append(c)
        if lower(ch) != ch:
            lowercase[c] = lower(ch)
        pieces = [piece for piece, _ in split("a" + ch + "b")]
        if pieces == ["a", "b"]:
            sets["separator"].append(c)
        elif len(pieces) == 3:
            sets["punctuation"].append(c)
    return sets, decompositions, lowercase


def combining_classes(decompositions):
    """Classes of the code points that NFD leaves alone; those unknown to the library's version count as 0."""
    nfd = normalizers.NFD().normalize_str
    classes = {}
    for c in ALL:
        value = unicodedata.combining(chr(c))
        # A mark the library knows moves in front of, or behind, a mark of another class.
        if value and c not in decompositions:
            other = "\u0301" if value < 230 else "\u0323"
            known = nfd("a" + other + chr(c)) != "a" + other + chr(c) if value < 230 else (
                nfd("a" + chr(c) + other) != "a" + chr(c) + other)
            if known:
                classes[c] = value
    return classes


def ours(text, decompositions, classes):
    out = []
    for ch in text:
        c = ord(ch)
        if is_hangul(c):
            s = c - 0xAC00
            parts = [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
        else:
            parts = [ord(x) for x in decompositions.get(c, ch)]
        out += parts
    run = []
    result = []
    for c in out:
        if classes.get(c, 0) == 0:
            result += sorted(run, key=lambda x: classes[x]) + [c]
            run = []
        else:
            run.append(c)
    return "".join(map(chr, result + sorted(run, key=lambda x: classes[x])))


def verify(decompositions, classes):
    nfd = normalizers.NFD().normalize_str
    rng = random.Random(20261121)
    marks, composed = sorted(classes), sorted(decompositions)
    for _ in range(200_000):
        pool = [rng.choice(marks) for _ in range(4)] + [rng.choice(composed), rng.choice(ALL), 0xAC00 + rng.randrange(11172)]
        text = "".join(chr(rng.choice(pool)) for _ in range(rng.randrange(1, 9)))
        assert ours(text, decompositions, classes) == nfd(text), [hex(ord(x)) for x in text]


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return [bound for pair in out for bound in pair]


def literal(name, kind, numbers, comment):
    lines, line = [], "       "
    for number in numbers:
        text = f" {number:#x}," if kind != "UInt8" else f" {number},"
        if len(line) + len(text) > 118:
            lines.append(line)
            line = "       "
        line += text
    body = "\n".join(lines + [line])
    return f"    /// {comment}\n    static let {name}: [{kind}] = [\n{body}\n    ]\n"


def mapping(name, table, comment):
    keys = sorted(table)
    ends, flat = [], []
    for key in keys:
        flat += [ord(x) for x in table[key]]
        ends.append(len(flat))
    return "\n".join([
        literal(name + "Keys", "UInt32", keys, comment + " The code points, ascending."),
        literal(name + "Ends", "UInt16", ends, f"Where the result of each of `{name}Keys` ends in `{name}Values`."),
        literal(name + "Values", "UInt32", flat, f"The results of `{name}Keys`, end to end."),
    ])


def main(path):
    sets, decompositions, lowercase = observe()
    classes = combining_classes(decompositions)
    verify(decompositions, classes)
    comments = {
        "removed": "Cleaned away by BertNormalizer.",
        "whitespace": "Turned into a space by BertNormalizer.",
        "chinese": "Surrounded by spaces by BertNormalizer.",
        "nonspacingMark": "Dropped by BertNormalizer when it strips accents.",
        "separator": "Separates words in BertPreTokenizer.",
        "punctuation": "A word of its own in BertPreTokenizer.",
    }
    parts = [literal(n + "Ranges", "UInt32", ranges(sets[n]), c + " First and last of each range.") for n, c in comments.items()]
    parts.append(mapping("decomposition", decompositions, "Canonical decompositions but for Hangul."))
    parts.append(mapping("lowercase", lowercase, "Lowercase mappings, character by character."))
    points = sorted(classes)
    starts = [i for i, c in enumerate(points) if i == 0 or points[i - 1] != c - 1 or classes[points[i - 1]] != classes[c]]
    bounds, values = [], []
    for start, end in zip(starts, starts[1:] + [len(points)]):
        bounds += [points[start], points[end - 1]]
        values.append(classes[points[start]])
    parts.append(literal("combiningClassRanges", "UInt32", bounds, "Non-zero canonical combining classes. First and last of each range."))
    parts.append(literal("combiningClassValues", "UInt8", values, "The class of each of `combiningClassRanges`."))
    header = (
        "// Generated by Tools/unicode-tables/generate.py from what tokenizers "
        f"{tokenizers.__version__} does with every code point; do not edit.\n\n"
        "/// The Unicode data that BERT tokenizers were trained with.\nenum BertUnicodeTables {\n")
    with open(path, "w") as file:
        file.write(header + "\n".join(parts) + "}\n")


if __name__ == "__main__":
    main(sys.argv[1])
