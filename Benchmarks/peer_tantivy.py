"""Builds a tantivy index of a corpus of Benchmarks/zipf.py and times its queries, as ResiftBench search does.

    python Benchmarks/peer_tantivy.py FOLDER

Texts are indexed, not stored; one writer thread, one segment at the end; top 100 by BM25, one query at a time, each file
twice: the second time counts. Needs PyPI's tantivy 0.26.
"""

import glob
import json
import os
import shutil
import sys
import time

import tantivy


def main(folder):
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
    with open(f"{folder}/corpus.jsonl") as corpus:
        for line in corpus:
            record = json.loads(line)
            writer.add_document(tantivy.Document(id=record["_id"], text=record["text"]))
    writer.commit()
    writer.wait_merging_threads()
    seconds = time.perf_counter() - start
    index.reload()
    sizes = {}
    for path in glob.glob(f"{index_folder}/*.*"):
        suffix = path.rsplit(".", 1)[1]
        sizes[suffix] = sizes.get(suffix, 0) + os.path.getsize(path)
    print(f"build {seconds:.1f} s; bytes by kind of file {sizes}")
    searcher = index.searcher()
    for name in ("a", "b"):
        with open(f"{folder}/queries-{name}.tsv") as file:
            queries = [line.rstrip("\n").split("\t")[1] for line in file]
        for _ in range(2):
            times = []
            for text in queries:
                query = index.parse_query(text, ["text"])
                start = time.perf_counter()
                searcher.search(query, 100)
                times.append((time.perf_counter() - start) * 1000)
        times.sort()
        print(f"queries {name}: p50 {times[len(times) // 2]:.2f} ms, p95 {times[len(times) * 95 // 100]:.2f} ms")


main(sys.argv[1])
