"""Writes Tests/Fixtures/measures.json: random runs and judgements with the values of trec_eval's own code.

    python Tools/golden/measures.py Tests/Fixtures/measures.json      (pytrec-eval-terrier==0.5.11)

Scores are few and exact in float32, so that ties are many and pytrec_eval's float32 sees them as doubles do.
"""

import json
import random
import sys

import pytrec_eval

SEED = 20261121
MEASURES = {
    "nDCG@1": "ndcg_cut_1", "nDCG@3": "ndcg_cut_3", "nDCG@10": "ndcg_cut_10", "nDCG": "ndcg", "RR": "recip_rank",
    "AP": "map", "AP@3": "map_cut_3", "P@1": "P_1", "P@5": "P_5", "P@10": "P_10", "R@3": "recall_3", "R@10": "recall_10",
    "Success@1": "success_1", "Success@5": "success_5", "Rprec": "Rprec", "Bpref": "bpref",
}
ASKED = {"ndcg_cut.1,3,10", "ndcg", "recip_rank", "map", "map_cut.3", "P.1,5,10", "recall.3,10", "success.1,5", "Rprec", "bpref"}


def case(rng):
    documents = [f"d{i}" for i in range(rng.randrange(2, 25))]
    grades = rng.choice([[0, 1], [0, 1, 2, 3], [-1, 0, 1, 2], [-2, -1, 0, 0, 0, 1]])
    qrels = {d: rng.choice(grades) for d in documents if rng.random() < rng.choice([0.3, 0.7, 1.0])} or {"d0": 1}
    if max(qrels.values()) < 1:
        qrels["d0"] = 1  # trec_eval's ndcg does not end where no grade is above 0
    run = {d: rng.randrange(-4, 5) / 4 for d in documents if rng.random() < rng.choice([0.5, 0.9])} or {"d0": 0.25}
    if rng.random() < 0.3:
        run.update({f"x{i}": rng.randrange(-4, 5) / 4 for i in range(rng.randrange(6))})
    return qrels, run


def main(path):
    rng = random.Random(SEED)
    lines = []
    for level in (1, 2):
        for _ in range(400):
            qrels, run = case(rng)
            values = pytrec_eval.RelevanceEvaluator({"q": qrels}, ASKED, relevance_level=level).evaluate({"q": run})["q"]
            expected = {name: values[key] for name, key in MEASURES.items()}
            lines.append(json.dumps({"level": level, "qrels": qrels, "run": run, "expected": expected}, separators=(",", ":")))
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
