"""nDCG@10 of the `resift` command over BM25's candidates, on collections in BEIR's layout.

    swift build -c release
    python Tools/default-model/quality.py .build/release/resift COLLECTION... [--model DIRECTORY] [--pool 50]

BM25 is bm25s (Lucene's variant, k1 1.2, b 0.75, English stop words and stemming), the measure pytrec_eval's.
Packages: bm25s==0.3.16 PyStemmer pytrec-eval-terrier.
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import bm25s
import pytrec_eval
import Stemmer


def read(collection):
    with gzip.open(collection / "corpus.jsonl.gz", "rt") as file:
        corpus = [json.loads(line) for line in file]
    queries = [json.loads(line) for line in (collection / "queries.jsonl").open()]
    qrels = {}
    for line in (collection / "qrels/test.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        qrels.setdefault(query, {})[document] = max(0, int(grade))
    judged = {query for query, grades in qrels.items() if any(grades.values())}
    return corpus, [query for query in queries if query["_id"] in judged], qrels


def first_stage(corpus, queries, pool):
    stemmer = Stemmer.Stemmer("english")
    texts = [f"{d.get('title', '')} {d['text']}".strip() for d in corpus]
    tokens = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(tokens, show_progress=False)
    asked = bm25s.tokenize([q["text"] for q in queries], stopwords="en", stemmer=stemmer, show_progress=False)
    documents, scores = index.retrieve(asked, k=pool, show_progress=False)
    return {q["_id"]: {corpus[d]["_id"]: float(s) for d, s in zip(ds, ss)}
            for q, ds, ss in zip(queries, documents.tolist(), scores.tolist())}


def rerank(resift, model, corpus, queries, run):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in corpus))
        (folder / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries))
        with (folder / "run.trec").open("w") as file:
            for query, scores in run.items():
                for rank, (document, score) in enumerate(sorted(scores.items(), key=lambda x: -x[1]), 1):
                    file.write(f"{query} Q0 {document} {rank} {score} bm25\n")
        command = [resift, "rerank", "--queries", str(folder / "queries.jsonl"), "--documents",
                   str(folder / "corpus.jsonl"), "--candidates", str(folder / "run.trec"), "--format", "trec"]
        command += ["--model", model] if model else []
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    reranked = {}
    for line in lines:
        query, _, document, _, score, _ = line.split()
        reranked.setdefault(query, {})[document] = float(score)
    return reranked


def ndcg(run, qrels):
    values = pytrec_eval.RelevanceEvaluator({q: qrels[q] for q in run}, {"ndcg_cut_10"}).evaluate(run)
    return statistics.mean(value["ndcg_cut_10"] for value in values.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("resift")
    parser.add_argument("collections", nargs="+", type=pathlib.Path)
    parser.add_argument("--model")
    parser.add_argument("--pool", type=int, default=50)
    arguments = parser.parse_args()
    for collection in arguments.collections:
        corpus, queries, qrels = read(collection)
        run = first_stage(corpus, queries, arguments.pool)
        start = time.time()
        reranked = rerank(arguments.resift, arguments.model, corpus, queries, run)
        print(f"{collection.name:14} {len(queries):4} queries, top {arguments.pool}: BM25 {ndcg(run, qrels):.4f}"
              f"  reranked {ndcg(reranked, qrels):.4f}  ({time.time() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
