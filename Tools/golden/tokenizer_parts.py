"""Writes small tokenizers of every supported kind of part, with the ids that `tokenizers` gives for random texts.

    pip install tokenizers==0.22.2
    python Tools/golden/tokenizer_parts.py Tests/Fixtures/tokenization/parts.jsonl [--texts 16] [--seed 7]

One tokenizer a line: `tokenizer` (the whole tokenizer.json), `texts`, `ids` (without special tokens). WordPiece shows where
a pre-tokenizer cuts: its vocabulary has each character at the start of a word and inside of one. Behind ByteLevel there
is a BPE, trained on the texts.
"""

import argparse
import base64
import json
import random
import struct

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2, LLAMA3 = GPT4.replace("DIGITS", r"\p{N}"), GPT4.replace("DIGITS", r"\p{N}{1,3}")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

ATOMS = [
    *"aabcdeest", *"ABSTLD", *"0123456789", *" " * 9, "  ", "   ", "\n", "\r\n", "\n\n", "\t", "\u00a0", "\u3000", "\u2028", "\u200b",
    *".,;:!?'\"-_()[]{}<>@#$%^&*+=/\\|~`", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Re", "'ſ", "'x", "\u2019s",
    "é", "e\u0301", "Å", "\u212b", "ẛ\u0323", "\u0301", "\u0323", "\u0308\u0301", "ñ", "n\u0303", "ß", "İ", "Σ", "ς", "ﬁ", "ſ", "Ǆ", "½", "²", "Ⅷ",
    "①", "㈱", "ｶﾞ", "Ａ", "가", "각", "\u1100\u1161", "\u1100\u1161\u11a8", "\u1161\u0301", "東", "京", "々", "豈", "ひ", "カ゛", "ー", "क", "क्षि", "\u0915\u094d\u0915\u0308",
    "กำ", "ที่", "ا", "لا", "\u064b", "ﷺ", "א", "שׁ", "Ж", "й", "и\u0306", "١", "۴", "\u0600a", "😀", "👩\u200d💻", "👍🏽", "🇩🇪", "🇩", "©\u200d®", "\u200d",
    "\ufeff", "\u0000", "\u0007", "\u007f", "\ufffd", "\ue000", "\U0001d400", "\U00020000", "\u2581", "\u2581\u2581", "…", "“", "”", "—", "[MASK]", "<s>", "the", " the",
    "\u0903", "a\u0903", "\u0b4d", "\u1e00", "\u0344", "\u0958", "\u09be", "\u09c7\u09be", "_a_", "x[MASK]y", " [MASK] ", "<new>", " <new>\n",
]


def charsmap(rules):
    """A precompiled_charsmap: a double array of one node a byte, each with a block of 256 of its own, not compressed."""
    children, leaves = [{}], [None]
    blob = bytearray()
    for key, value in rules.items():
        node = 0
        for byte in key.encode():
            if byte not in children[node]:
                children[node][byte] = len(children)
                children.append({})
                leaves.append(None)
            node = children[node][byte]
        leaves[node] = len(blob)
        blob += value.encode() + b"\0"
    base = lambda node: 512 * (node + 1)
    units = [0] * (512 * (len(children) + 1))
    units[0] = base(0) << 10
    for node, edges in enumerate(children):
        for byte, child in edges.items():
            at = base(node) ^ byte
            units[at] = (at ^ base(child)) << 10 | (leaves[child] is not None) << 8 | byte
    for node, leaf in enumerate(leaves):
        if leaf is not None:
            units[base(node)] = 1 << 31 | leaf
    return base64.b64encode(struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + bytes(blob)).decode()


CHARSMAP = charsmap({
    "a": "b", "e\u0301": "é", "ﬁ": "fi", "\u00a0": " ", "\u3000": " ", "\u200b": "", "\r\n": " ", "\u0007": "", "©": "(c)", "क": "k", "\u1161": "A", "½": "1/2",
})


def norm(kind, **more):
    return {"type": kind, **more}


STRIP = norm("Strip", strip_left=True, strip_right=True)
PRECOMPILED = norm("Precompiled", precompiled_charsmap=CHARSMAP)
SPACES = norm("Replace", pattern={"Regex": " {2,}"}, content=" ")
NORMALIZERS = [
    *(norm(kind) for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents")), STRIP,
    norm("Strip", strip_left=False, strip_right=True), norm("Replace", pattern={"String": " "}, content="\u2581"),
    norm("Replace", pattern={"String": "e\u0301"}, content=""), SPACES, norm("Replace", pattern={"Regex": r"\s+"}, content="  "),
    norm("Replace", pattern={"Regex": r"[^a-z\d]{2,3}"}, content="#"), norm("Prepend", prepend="\u2581"), PRECOMPILED,
    norm("Sequence", normalizers=[norm("NFD"), norm("StripAccents"), norm("Lowercase")]),
    norm("Sequence", normalizers=[norm("Prepend", prepend="\u2581"), norm("Replace", pattern={"String": " "}, content="\u2581")]),
    norm("Sequence", normalizers=[STRIP, PRECOMPILED, norm("Sequence", normalizers=[SPACES, norm("NFKC")])]),
    norm("Sequence", normalizers=[norm("NFKC"), norm("BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)]),
]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def cut(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(scheme, split=True, mark="\u2581"):
    return {"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": split}


WORD_PRE = [
    None, norm("BertPreTokenizer"), norm("Whitespace"), norm("WhitespaceSplit"), *(norm("Punctuation", behavior=b) for b in BEHAVIORS),
    norm("Digits", individual_digits=True), norm("Digits", individual_digits=False), *(cut({"String": " "}, b) for b in BEHAVIORS),
    *(cut({"Regex": r"\s+"}, b, True) for b in BEHAVIORS), *(cut({"Regex": r"\p{L}"}, b) for b in BEHAVIORS[2:]), cut({"Regex": r"[0-9]{1,3}"}, "Isolated"),
    cut({"Regex": r"\d"}, "Contiguous", True), cut({"String": "the"}, "MergedWithNext", True), cut({"Regex": GPT2}, "Isolated"), cut({"Regex": QWEN2}, "Isolated"),
    cut({"Regex": LLAMA3}, "Removed", True), cut({"Regex": QWEN2}, "Contiguous"),
    metaspace("always"), metaspace("first"), metaspace("never"), metaspace("always", False), metaspace("first", False), metaspace("always", True, "_"),
    {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True},
    norm("Sequence", pretokenizers=[norm("WhitespaceSplit"), metaspace("always")]), norm("Sequence", pretokenizers=[norm("WhitespaceSplit"), metaspace("first")]),
    norm("Sequence", pretokenizers=[norm("Punctuation", behavior="Isolated"), norm("Digits", individual_digits=True), norm("Whitespace")]),
]


def bytes_pre(prefix, regex):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


BYTE_PRE = [
    bytes_pre(False, True), bytes_pre(True, True), bytes_pre(True, False),
    norm("Sequence", pretokenizers=[norm("Digits", individual_digits=True), bytes_pre(False, True)]),
    norm("Sequence", pretokenizers=[cut({"Regex": QWEN2}, "Isolated"), bytes_pre(False, False)]),
    norm("Sequence", pretokenizers=[cut({"Regex": LLAMA3}, "Isolated"), bytes_pre(False, False)]),
]


def added(source, first_id):
    def token(index, content, special=True, **flags):
        return {"id": first_id + index, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": not special, "special": special, **flags}
    sets = [
        [],
        [token(0, "[MASK]", lstrip=True), token(1, "<s>", rstrip=True), token(2, "<new>", False)],
        [token(0, "[MASK]", lstrip=True, rstrip=True), token(1, "the", False, single_word=True), token(2, "<s>", normalized=True)],
        [token(0, "[MASK]", False, lstrip=True), token(1, "  ", False), token(2, "   ", False), token(3, "E\u0301", False), token(4, "es", single_word=True)],
    ]
    return source.choice(sets)


def base(normalizer, pre):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": None, "decoder": None}


def words(j, texts):
    """What a tokenizer's first two steps leave of texts."""
    tokenizer = Tokenizer.from_str(json.dumps({**j, "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}))
    for text in texts:
        if tokenizer.normalizer:
            text = tokenizer.normalizer.normalize_str(text)
        yield from ([w for w, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)] if tokenizer.pre_tokenizer else [text])


def wordpiece(j, texts, source):
    found = sorted({c for w in words(j, texts) for c in w} | {"\u2581", "_", " "})
    vocab = {t: i for i, t in enumerate(["[UNK]"] + found + ["##" + c for c in found])}
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 60, "vocab": vocab}


def trained(j, texts, source):
    tokenizer = Tokenizer.from_str(json.dumps({**j, "model": {"type": "BPE", "vocab": {}, "merges": []}}))
    trainer = trainers.BpeTrainer(vocab_size=420, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    model["ignore_merges"] = source.random() < 0.5
    if source.random() < 0.5:
        model["merges"] = [" ".join(m) for m in model["merges"]]
        source.shuffle(model["merges"])
    return model


def characters(j, texts, source):
    """BPE on characters: some known, the others unknown, fused or not, or spelled in bytes."""
    found = sorted({c for w in words(j, texts) for c in w})
    known = [c for c in found if source.random() < 0.6 or c == "\u2581"]
    vocab = ["<unk>"] + (["<0x%02X>" % b for b in range(256) if b != 0xC2] if source.random() < 0.5 else []) + known
    merges = []
    for _ in range(40):
        pair = [source.choice(vocab[1:]), source.choice(vocab[1:])] if not merges or source.random() < 0.7 else [merges[-1][0] + merges[-1][1], source.choice(known)]
        if pair not in merges and not any(x.startswith("<0x") for x in pair):
            merges.append(pair)
            if "".join(pair) not in vocab:
                vocab.append("".join(pair))
    return {"type": "BPE", "dropout": None, "unk_token": source.choice(["<unk>", None]), "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": source.random() < 0.5, "byte_fallback": len(vocab) > 256, "ignore_merges": source.random() < 0.3,
            "vocab": {t: i for i, t in enumerate(vocab)}, "merges": merges}


def unigram(j, texts, source):
    pieces = {"<unk>": 0.0}
    for word in words(j, texts):
        for _ in range(3):
            if word:
                start = source.randrange(len(word))
                pieces.setdefault(word[start:start + source.randrange(1, 7)], -round(source.uniform(1, 9), 3))
    pieces = dict(list(pieces.items())[:400])
    fallback = source.random() < 0.5
    if fallback:
        pieces.update({"<0x%02X>" % b: -9.0 for b in range(256) if b != 0xC2})
    return {"type": "Unigram", "unk_id": 0, "vocab": [[p, s] for p, s in pieces.items()], "byte_fallback": fallback}


def ids(tokenizer, text):
    """None where the library panics: an added token that begins in the space which one before it has taken."""
    try:
        return tokenizer.encode(text, add_special_tokens=False).ids
    except BaseException as error:
        assert "bad split" in str(error)
        return None


def cases(count, seed):
    source = random.Random(seed)
    plan = [(n, p, wordpiece) for n in NORMALIZERS for p in (metaspace("first"), norm("BertPreTokenizer"))]
    plan += [(n, p, wordpiece) for p in WORD_PRE for n in (None, source.choice(NORMALIZERS))]
    plan += [(n, p, trained) for p in BYTE_PRE for n in (None, norm("NFC"), source.choice(NORMALIZERS))]
    plan += [(n, p, source.choice([characters, unigram])) for n in NORMALIZERS for p in (None, source.choice(WORD_PRE))]
    plan += [(None, p, model) for p in WORD_PRE[-9:] for model in (characters, unigram)]
    for normalizer, pre, model in plan:
        texts = ["".join(source.choice(ATOMS) for _ in range(source.randrange(1, 16))) for _ in range(count)]
        j = base(normalizer, pre)
        j["model"] = model(j, texts, source)
        j["added_tokens"] = added(source, len(j["model"]["vocab"]))
        if "Strip" in json.dumps(normalizer):
            # Of spaces it leaves nothing, and the library then finds a token of no length between all characters.
            j["added_tokens"] = [token for token in j["added_tokens"] if token["content"].strip()]
        tokenizer = Tokenizer.from_str(json.dumps(j))
        # The library numbers added tokens itself; one that the vocabulary has keeps its id.
        for token in j["added_tokens"]:
            token["id"] = tokenizer.token_to_id(token["content"])
        encoded = [(text, ids(tokenizer, text)) for text in texts]
        yield {"tokenizer": j, "texts": [t for t, i in encoded if i is not None], "ids": [i for _, i in encoded if i is not None]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with open(arguments.out, "w") as file:
        for case in cases(arguments.texts, arguments.seed):
            file.write(json.dumps(case, separators=(",", ":")) + "\n")
