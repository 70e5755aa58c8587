"""Prints nDCG@10 and R@100 of BM25 on scifact, by a program that shares nothing with Resift.

    pip install regex==2026.5.9 nltk==3.9.2
    python Tools/golden/scifact_bm25.py ../shared/datasets/scifact

Words are cut at the word boundaries of `regex`, stems are NLTK's, every document is scored. Lengths are exact, as in
Resift, or rounded to one byte, as Lucene stores them.
"""

import collections
import gzip
import json
import math
import pathlib
import sys

import regex
from nltk.stem.porter import PorterStemmer

STOP_WORDS = set("a an and are as at be but by for if in into is it no not of on or such that the their then there these "
                 "they this to was will with".split())
BOUNDARY = regex.compile(r"(?w)\b")
WORD = regex.compile(r"[\p{L}\p{N}]")
POSSESSIVE = regex.compile(r"['\u2019\uff07][sS]$")
STEMMER = PorterStemmer(mode=PorterStemmer.MARTIN_EXTENSIONS)
stems = {}


def terms(text):
    cuts = [match.start() for match in BOUNDARY.finditer(text)]
    found = []
    for start, end in zip([0] + cuts, cuts + [len(text)]):
        word = POSSESSIVE.sub("", text[start:end]).lower()
        if WORD.search(word) and word not in STOP_WORDS:
            if word not in stems:
                stems[word] = STEMMER.stem(word)
            found.append(stems[word])
    return found


def as_byte(length):
    """Lucene's SmallFloat.byte4ToInt(intToByte4(length)): exact below 40, then three bits after the first."""
    if length < 24:
        return length
    rest = length - 24
    shift = max(0, rest.bit_length() - 4)
    return 24 + (rest >> shift << shift)


def dcg(grades):
    return sum(grade / math.log2(rank + 2) for rank, grade in enumerate(grades[:10]))


def main(folder):
    folder = pathlib.Path(folder)
    with gzip.open(folder / "corpus.jsonl.gz", "rt") as file:
        documents = [json.loads(line) for line in file]
    names = [document["_id"] for document in documents]
    postings, lengths = collections.defaultdict(dict), []
    for number, document in enumerate(documents):
        found = terms(document["title"] + " " + document["text"])
        lengths.append(len(found))
        for term, count in collections.Counter(found).items():
            postings[term][number] = count
    qrels = collections.defaultdict(dict)
    for line in (folder / "qrels/test.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            qrels[query][document] = int(grade)
    queries = [query for query in map(json.loads, (folder / "queries.jsonl").open()) if query["_id"] in qrels]
    mean = sum(lengths) / len(lengths)
    for k1, b in (0.9, 0.4), (1.2, 0.75):
        for kind, stored in ("exact", lengths), ("one byte", [as_byte(length) for length in lengths]):
            ndcg = recall = 0
            for query in queries:
                scores = collections.defaultdict(float)
                for term, weight in collections.Counter(terms(query["text"])).items():
                    matches = postings.get(term, {})
                    idf = math.log(1 + (len(names) - len(matches) + 0.5) / (len(matches) + 0.5))
                    for number, tf in matches.items():
                        scores[number] += weight * idf * tf / (tf + k1 * (1 - b + b * stored[number] / mean))
                best = [names[n] for n in sorted(scores, key=lambda n: (-scores[n], n))[:100]]
                judged = qrels[query["_id"]]
                ideal = dcg(sorted(judged.values(), reverse=True))
                ndcg += dcg([judged.get(name, 0) for name in best]) / ideal / len(queries)
                recall += sum(name in judged for name in best) / len(judged) / len(queries)
            print(f"k1 {k1}, b {b}, lengths {kind}: nDCG@10 {ndcg:.5f}, R@100 {recall:.5f}")


if __name__ == "__main__":
    main(sys.argv[1])
