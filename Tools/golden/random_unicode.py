"""Writes Tests/Fixtures/tokenization/random-unicode.jsonl: random strings through BertNormalizer and BertPreTokenizer.

    python Tools/golden/random_unicode.py Tests/Fixtures/tokenization/random-unicode.jsonl      (tokenizers==0.22.2)

A vocabulary turns most rare characters into [UNK] and hides what happened to them; this compares the text itself. Each
line has the flags (clean_text, handle_chinese_chars, strip_accents, lowercase), the text, and the words.
"""

import itertools
import json
import random
import sys
import unicodedata

from tokenizers import normalizers, pre_tokenizers

SEED = 20261121
ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
POOLS = [
    [c for c in ALL if unicodedata.category(chr(c)).startswith("M")],
    [c for c in ALL if unicodedata.combining(chr(c)) and unicodedata.category(chr(c)) != "Mn"],
    [c for c in ALL if unicodedata.decomposition(chr(c))],
    [c for c in ALL if unicodedata.category(chr(c)) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co")],
    [c for c in ALL if unicodedata.category(chr(c)).startswith(("P", "S"))],
    [c for c in ALL if chr(c).lower() != chr(c)],
    list(range(0xAC00, 0xD7A4)) + list(range(0x1100, 0x1200)),
    list(range(0x4E00, 0x9FFF)) + list(range(0x20000, 0x2A6E0)) + list(range(0xF900, 0xFB00)),
    list(range(0x80)),
    ALL,
]


def main(path):
    rng = random.Random(SEED)
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    with open(path, "w") as file:
        for flags in itertools.product([True, False], repeat=4):
            names = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
            normalizer = normalizers.BertNormalizer(**dict(zip(names, flags)))
            for _ in range(250):
                pools = rng.sample(POOLS, 3)
                text = "".join(chr(rng.choice(rng.choice(pools))) for _ in range(rng.randrange(1, 20)))
                words = [word for word, _ in split(normalizer.normalize_str(text))]
                file.write(json.dumps({"flags": flags, "text": text, "words": words}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
