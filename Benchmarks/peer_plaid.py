"""Builds an index of fast-plaid over a folder of Benchmarks/token_vectors.py and measures its searches.

    python3 -m venv .venv-plaid && .venv-plaid/bin/pip install fast-plaid==1.7.0.2110
    .venv-plaid/bin/python Benchmarks/peer_plaid.py FOLDER > plaid.json

The folder has, little-endian and without headers: `vectors.f32` or `vectors.f16` [tokens, 128], `lengths.i32` [documents],
`queries.f32` [queries, 32, 128], and `exact.i32` [queries, N], the best documents by exhaustive MaxSim; the last is made
where it is absent.

Building and searching are processes of their own, each on --threads threads, with the package's own settings unless an
option says otherwise (4 bits, 8 centroids for each token of the query, 4,096 full scores). One query at a time, all of them
twice: the second time counts. Recall is the share of the N exact best that are among the N found. `peak_anonymous_bytes` is
the largest memory without mapped files, read ten times a second; `peak_resident_bytes` is with them, the vectors given
included.

The package computes with PyTorch, whose build in PyPI brings 4 GB of libraries along; they are not used.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from token_vectors import QUERY_TOKENS, TokenVectors, exhaustive

LIMIT = 100


class Memory:
    """Watches this process."""

    def __init__(self):
        self.anonymous = 0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            with open("/proc/self/status", encoding="ascii") as file:
                line = next(line for line in file if line.startswith("RssAnon:"))
            self.anonymous = max(self.anonymous, 1024 * int(line.split()[1]))
            time.sleep(0.1)

    def report(self):
        resident = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"peak_anonymous_bytes": self.anonymous, "peak_resident_bytes": resident}


def opened(arguments):
    """The package's index, on the CPU, and torch."""
    import torch
    from fast_plaid import search

    torch.set_num_threads(arguments.threads)
    return search.FastPlaid(index=str(Path(arguments.folder) / "fast-plaid"), device="cpu"), torch


def build(arguments):
    memory = Memory()
    folder = Path(arguments.folder) / "fast-plaid"
    shutil.rmtree(folder, ignore_errors=True)
    data = TokenVectors(arguments.folder)
    index, torch = opened(arguments)
    documents = [torch.from_numpy(data.vectors[start:end]) for start, end in zip(data.starts[:-1], data.starts[1:])]
    settings = {"nbits": arguments.nbits} if arguments.nbits else {}
    begin = time.perf_counter()
    index.create(documents_embeddings=documents, **settings)
    seconds = time.perf_counter() - begin
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    centroids = len(np.load(folder / "centroids.npy", mmap_mode="r"))
    return {"build_seconds": round(seconds, 1), "index_bytes": size, "bytes_per_document": round(size / len(documents)),
            "centroids": centroids, **memory.report()}


def search(arguments):
    memory = Memory()
    data = TokenVectors(arguments.folder)
    path = Path(arguments.folder) / "exact.i32"
    if not path.exists():
        exhaustive(arguments.folder, LIMIT)
    exact = np.fromfile(path, dtype="<i4").reshape(len(data.queries), -1)[:, :LIMIT]
    index, torch = opened(arguments)
    settings = {name: value for name, value in (("n_ivf_probe", arguments.probes), ("n_full_scores", arguments.full_scores))
                if value}
    begin = time.perf_counter()
    results, times = [], []
    for turn in range(2):
        results, times = [], []
        for query in data.queries:
            begun = time.perf_counter()
            found = index.search(torch.from_numpy(query.reshape(1, QUERY_TOKENS, -1)), top_k=exact.shape[1],
                                 show_progress=False, **settings)
            times.append(1000 * (time.perf_counter() - begun))
            if turn == 0 and not results:
                first = time.perf_counter() - begin
            results.append([document for document, _ in found[0]])
    recalls = [len(set(best.tolist()) & set(found)) / len(best) for best, found in zip(exact, results)]
    return {"queries": len(data.queries), "limit": exact.shape[1], "first_query_seconds": round(first, 2),
            "p50_ms": round(float(np.percentile(times, 50)), 1), "p99_ms": round(float(np.percentile(times, 99)), 1),
            "recall": round(float(np.mean(recalls)), 4), "lowest_recall": round(min(recalls), 4), **memory.report()}


def in_process(step, arguments):
    """A step's report, from a process of its own: threads are bounded before a library starts any."""
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), str(arguments.threads))
    run = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--step", step], env=environment, check=True,
                         stdout=subprocess.PIPE)
    return json.loads(run.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--nbits", type=int, help="Bits of a residual's number.")
    parser.add_argument("--probes", type=int, help="Centroids that each token of a query looks into.")
    parser.add_argument("--full-scores", type=int, help="Documents whose score is approximated in full.")
    parser.add_argument("--keep-index", action="store_true", help="Search the index of the last run.")
    parser.add_argument("--step", choices=("build", "search"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps({"build": build, "search": search}[arguments.step](arguments)))
        return
    from importlib.metadata import version

    lengths = np.fromfile(Path(arguments.folder) / "lengths.i32", dtype="<i4")
    report = {"engine": f"fast-plaid {version('fast-plaid')}", "threads": arguments.threads, "documents": len(lengths),
              "tokens": int(lengths.sum())}
    if not arguments.keep_index:
        report["build"] = in_process("build", arguments)
    report["search"] = in_process("search", arguments)
    json.dump(report, sys.stdout, indent=2)
    print()


main()
