"""The work that the load tests send: queries with passages of the lengths that searches have, none of them twice.

Texts are drawn from the words of Examples/demo/help-centre, by a seed, so that no cache answers and every run is the same.
"""

import json
import pathlib
import random

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "Examples/demo/help-centre/corpus.jsonl"


class Workload:
    def __init__(self, seed=1, documents=20, words=60):
        self.random = random.Random(seed)
        self.documents = documents
        self.words = words
        with open(CORPUS) as file:
            self.vocabulary = " ".join(json.loads(line)["text"] for line in file).split()

    def text(self, words):
        return " ".join(self.random.choices(self.vocabulary, k=words))

    def request(self):
        return {"query": self.text(8), "documents": [self.text(self.words) for _ in range(self.documents)]}
