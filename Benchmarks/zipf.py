"""Writes a corpus of Zipf-Mandelbrot text and two query files, the same for the same arguments.

    python3 Benchmarks/zipf.py --passages 1000000 --output FOLDER

Ranks of a vocabulary of 400,000 words are drawn with p ~ 1 / (rank + 2.7)^1.05; 15 % of a passage's words repeat an
earlier one of it; passages have 56 words on average (30 to 82). Words are "w" and the rank, so that no analyzer drops
or stems one. Queries A are four words of one passage with ranks from 100 on; B are those with three words of the first
50 ranks, as the stop words of a question.

Files: corpus.jsonl, queries-a.tsv, queries-b.tsv. Needs numpy.
"""

import argparse
import os

import numpy as np

VOCABULARY, EXPONENT, SHIFT, BURSTS = 400_000, 1.05, 2.7, 0.15


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--queries", type=int, default=1000)
    arguments = parser.parse_args()
    os.makedirs(arguments.output, exist_ok=True)
    random = np.random.default_rng(20_261_121)
    weights = 1 / (np.arange(1, VOCABULARY + 1) + SHIFT) ** EXPONENT
    cumulative = np.cumsum(weights / weights.sum())
    words = np.array([f"w{rank}" for rank in range(VOCABULARY)])
    queried = set(range(0, arguments.passages, max(1, arguments.passages // (2 * arguments.queries))))
    a, b = [], []
    with open(f"{arguments.output}/corpus.jsonl", "w") as corpus:
        for start in range(0, arguments.passages, 10_000):
            count = min(10_000, arguments.passages - start)
            lengths = random.integers(30, 83, count)
            ranks = np.minimum(np.searchsorted(cumulative, random.random(lengths.sum())), VOCABULARY - 1)
            bursts = random.random(len(ranks)) < BURSTS
            back = random.random(len(ranks))
            offset, lines = 0, []
            for place, length in enumerate(lengths):
                own = ranks[offset:offset + length]
                for position in np.flatnonzero(bursts[offset:offset + length]):
                    if position:
                        own[position] = own[int(back[offset + position] * position)]
                offset += length
                number = start + place
                lines.append(f'{{"_id": "{number}", "text": "{" ".join(words[own])}"}}\n')
                if number in queried and len(a) < arguments.queries:
                    content = np.unique(own[own >= 100])
                    if len(content) >= 4:
                        chosen = random.choice(content, 4, replace=False)
                        a.append(" ".join(words[chosen]))
                        b.append(" ".join(words[np.concatenate([chosen, random.integers(0, 50, 3)])]))
            corpus.writelines(lines)
    for name, queries in (("a", a), ("b", b)):
        with open(f"{arguments.output}/queries-{name}.tsv", "w") as file:
            file.writelines(f"{name}{number}\t{query}\n" for number, query in enumerate(queries))


main()
