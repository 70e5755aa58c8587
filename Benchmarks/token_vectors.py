"""Writes token vectors of documents and queries, as a late-interaction model would make them, and the best documents by
exhaustive MaxSim.

    python Benchmarks/token_vectors.py --documents 100000 --half --exact 100 --output FOLDER

Cluster centres are random directions. A document draws 4 to 8 of them, and for each a context of its own; a token is
centre + context + noise, of unit length: two tokens of one cluster have a cosine of about .84 in one document and .62 in
two, those of two clusters none. Lengths are normal around 120 (deviation 40), cut to 20 ... 180. A query has 32 tokens of
one document, with noise. The same arguments write the same bytes; a document takes about 60 KB in single precision.

Files, little-endian, without headers, rows one after the other:

    vectors.f32 or, with --half, vectors.f16   [tokens, 128], documents in order
    lengths.i32                                [documents], tokens of each
    queries.f32                                [queries, 32, 128]
    sources.i32                                [queries], the document that each was made of
    exact.i32, exact.f32                       [queries, N], with --exact N: the best documents, best first (of equal
                                               scores the earlier document), and their scores over the vectors written

Needs numpy. Memory stays under 1 GB.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

DIMENSION, QUERY_TOKENS, PIECE = 128, 32, 2000
MIN_LENGTH, MEAN_LENGTH, LENGTH_DEVIATION, MAX_LENGTH = 20, 120, 40, 180
MIN_CLUSTERS, MAX_CLUSTERS = 4, 8
# Lengths of what is added to a centre of length 1.
CONTEXT, NOISE, QUERY_NOISE = 0.6, 0.5, 0.5


class TokenVectors:
    """A folder of these files, read as it is needed."""

    def __init__(self, folder):
        folder = Path(folder)
        self.lengths = np.fromfile(folder / "lengths.i32", dtype="<i4")
        self.starts = np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])
        half = folder / "vectors.f16"
        path, kind = (half, "<f2") if half.exists() else (folder / "vectors.f32", "<f4")
        # Copy on write, which nobody does: PyTorch wants arrays that may be written.
        self.vectors = np.memmap(path, dtype=kind, mode="c").reshape(-1, DIMENSION)
        assert len(self.vectors) == self.starts[-1], f"{path} does not have the tokens of lengths.i32"
        self.queries = np.fromfile(folder / "queries.f32", dtype="<f4").reshape(-1, QUERY_TOKENS, DIMENSION)

    def pieces(self, documents=PIECE):
        """Ranges of documents."""
        for start in range(0, len(self.lengths), documents):
            yield start, min(start + documents, len(self.lengths))


def random_rows(random, count, length):
    """Gaussian rows of about this length."""
    return random.standard_normal((count, DIMENSION), dtype=np.float32) * np.float32(length / DIMENSION**0.5)


def unit(rows):
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows


def tokens_of(random, centres, lengths):
    """The token vectors of documents of these lengths, end to end."""
    documents = len(lengths)
    counts = random.integers(MIN_CLUSTERS, MAX_CLUSTERS + 1, documents)
    starts = np.concatenate([[0], np.cumsum(counts)])
    contexts = centres[random.integers(len(centres), size=starts[-1])] + random_rows(random, starts[-1], CONTEXT)
    owners = np.repeat(np.arange(documents), lengths)
    chosen = starts[owners] + (random.random(len(owners)) * counts[owners]).astype(np.int64)
    return unit(contexts[chosen] + random_rows(random, len(owners), NOISE))


def write(arguments):
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("vectors.f32", "vectors.f16", "exact.i32", "exact.f32"):
        (folder / old).unlink(missing_ok=True)
    random = np.random.default_rng(arguments.seed)
    clusters = arguments.clusters or max(16, arguments.documents // 25)
    centres = unit(random_rows(random, clusters, 1))
    lengths = np.clip(np.rint(random.normal(MEAN_LENGTH, LENGTH_DEVIATION, arguments.documents)), MIN_LENGTH, MAX_LENGTH)
    lengths = lengths.astype("<i4")
    lengths.tofile(folder / "lengths.i32")
    sources = random.choice(arguments.documents, arguments.queries, replace=arguments.queries > arguments.documents)
    sources.astype("<i4").tofile(folder / "sources.i32")
    queries = np.zeros((arguments.queries, QUERY_TOKENS, DIMENSION), dtype="<f4")
    name, kind = ("vectors.f16", "<f2") if arguments.half else ("vectors.f32", "<f4")
    with open(folder / name, "wb") as file:
        for start in range(0, arguments.documents, PIECE):
            piece = lengths[start:start + PIECE]
            vectors = tokens_of(random, centres, piece)
            vectors.astype(kind).tofile(file)
            starts = np.concatenate([[0], np.cumsum(piece)])
            for place in np.flatnonzero((sources >= start) & (sources < start + len(piece))):
                document = sources[place] - start
                chosen = random.integers(starts[document], starts[document + 1], QUERY_TOKENS)
                queries[place] = unit(vectors[chosen] + random_rows(random, QUERY_TOKENS, QUERY_NOISE))
    queries.tofile(folder / "queries.f32")
    return {"documents": arguments.documents, "tokens": int(lengths.sum()), "clusters": clusters,
            "queries": arguments.queries, "vectors": name, "bytes": (folder / name).stat().st_size}


def exhaustive(folder, limit):
    """Writes and returns the best documents of each query by MaxSim over all documents, in single precision."""
    data = TokenVectors(folder)
    count, limit = len(data.queries), min(limit, len(data.lengths))
    tokens = np.ascontiguousarray(data.queries.reshape(-1, DIMENSION).T)
    best, documents = np.full((count, 0), 0, dtype=np.float32), np.zeros((count, 0), dtype=np.int32)
    # So many documents at a time that their similarities take some 100 MB.
    for start, end in data.pieces(max(1, 30_000_000 // (tokens.shape[1] * MAX_LENGTH))):
        rows = data.vectors[data.starts[start]:data.starts[end]].astype(np.float32)
        maxima = np.maximum.reduceat(rows @ tokens, data.starts[start:end] - data.starts[start], axis=0)
        scores = maxima.reshape(end - start, count, QUERY_TOKENS).sum(axis=2).T
        best = np.concatenate([best, scores], axis=1)
        documents = np.concatenate([documents, np.tile(np.arange(start, end, dtype=np.int32), (count, 1))], axis=1)
        # Documents are in order among equals, and stay so.
        order = np.argsort(-best, axis=1, kind="stable")[:, :limit]
        best, documents = np.take_along_axis(best, order, axis=1), np.take_along_axis(documents, order, axis=1)
    documents.astype("<i4").tofile(Path(folder) / "exact.i32")
    best.astype("<f4").tofile(Path(folder) / "exact.f32")
    return documents, best


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--clusters", type=int, help="Default: one for 25 documents, at least 16.")
    parser.add_argument("--half", action="store_true", help="Write vectors in half precision.")
    parser.add_argument("--exact", type=int, metavar="N", help="Find the N best documents of each query.")
    parser.add_argument("--seed", type=int, default=20_261_121)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    report = write(arguments) | {"write_seconds": round(time.perf_counter() - begin, 1)}
    if arguments.exact:
        begin = time.perf_counter()
        documents, _ = exhaustive(arguments.output, arguments.exact)
        sources = np.fromfile(Path(arguments.output) / "sources.i32", dtype="<i4")
        report["exact_seconds"] = round(time.perf_counter() - begin, 1)
        report["queries_led_by_their_source"] = int((documents[:, 0] == sources).sum())
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
