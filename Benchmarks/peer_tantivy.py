"""Builds a tantivy index of a corpus of Benchmarks/zipf.py and times its queries, as ResiftBench search does.

    python Benchmarks/peer_tantivy.py FOLDER [--count] > tantivy.json

Texts are indexed, not stored, without positions; one writer thread; top 100 by BM25, one query at a time, each file twice:
the second time counts. A query's time is the search alone, its parsing is reported beside it. `postings_bytes` are the
files that a search reads (terms, postings, lengths), without stored ids.

tantivy counts the matches by default, and then visits every one of them; block-max WAND needs count=False, which is
what is timed here. --count times the default.
"""

import argparse
import glob
import json
import os
import shutil
import sys
import time

import tantivy

SEARCHED = ("term", "idx", "fieldnorm")


def build(folder):
    index_folder = f"{folder}/tantivy"
    shutil.rmtree(index_folder, ignore_errors=True)
    os.makedirs(index_folder)
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    # Positions are left out: Resift has none either.
    builder.add_text_field("text", stored=False, tokenizer_name="default", index_option="freq")
    index = tantivy.Index(builder.build(), path=index_folder)
    start = time.perf_counter()
    writer = index.writer(heap_size=1_000_000_000, num_threads=1)
    passages = 0
    with open(f"{folder}/corpus.jsonl", encoding="utf-8") as corpus:
        for line in corpus:
            record = json.loads(line)
            writer.add_document(tantivy.Document(id=record["_id"], text=record["text"]))
            passages += 1
    writer.commit()
    writer.wait_merging_threads()
    seconds = time.perf_counter() - start
    index.reload()
    sizes = {}
    for path in glob.glob(f"{index_folder}/*.*"):
        suffix = path.rsplit(".", 1)[1]
        sizes[suffix] = sizes.get(suffix, 0) + os.path.getsize(path)
    return index, {
        "passages": passages, "build_seconds": round(seconds, 2), "bytes": sizes,
        "postings_bytes": sum(sizes.get(suffix, 0) for suffix in SEARCHED)}


def percentiles(milliseconds):
    ordered = sorted(milliseconds)
    return {"p50_ms": round(ordered[len(ordered) // 2], 3), "p95_ms": round(ordered[len(ordered) * 95 // 100], 3)}


def search(index, path, count):
    with open(path, encoding="utf-8") as file:
        queries = [line.rstrip("\n").split("\t")[1] for line in file]
    searcher = index.searcher()
    for _ in range(2):
        parsing, searching = [], []
        for text in queries:
            start = time.perf_counter()
            query = index.parse_query(text, ["text"])
            parsed = time.perf_counter()
            searcher.search(query, 100, count=count)
            searching.append((time.perf_counter() - parsed) * 1000)
            parsing.append((parsed - start) * 1000)
    return {"queries": len(queries), **percentiles(searching), "parse_p50_ms": percentiles(parsing)["p50_ms"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--count", action="store_true", help="Let tantivy count the matches, as it does by default.")
    arguments = parser.parse_args()
    index, report = build(arguments.folder)
    report = {"engine": tantivy.__version__, "counts_matches": arguments.count,
              "segments": index.searcher().num_segments, **report}
    for name in ("a", "b"):
        report[name] = search(index, f"{arguments.folder}/queries-{name}.tsv", arguments.count)
    json.dump(report, sys.stdout, indent=2)
    print()


main()
