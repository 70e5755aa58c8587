"""MaxSim of one query with 1,000 documents, beside numpy and maxsim-cpu, in turns, on equally many threads.

    .venv-bench/bin/python Benchmarks/maxsim.py --threads 1

Packages: Benchmarks/requirements.txt. The query has 32 tokens, a document 180, of 128 numbers each; documents lie in memory as
an index holds them, and packing the query is in the time. Scores are compared with numpy's before anything is timed: those
in single precision to 1e-4, the others to 0.05 (they are sums of 32 similarities). Peaks are those of multiply-adds that
never leave the registers, measured in the same run; the operations of a way are 2 for each number of each pair of tokens.
"""

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUERY_TOKENS, DOCUMENTS, TOKENS, DIMENSION, ROUNDS = 32, 1000, 180, 128, 25


def driver():
    """The kernels of Sources/CKernels as a library."""
    out = Path(tempfile.mkdtemp()) / "maxsim.so"
    sources = [*(ROOT / "Sources/CKernels").glob("*.c"), ROOT / "Benchmarks/maxsim_driver.c"]
    compiler = os.environ.get("CC", "clang")
    subprocess.run([compiler, "-std=c17", "-O2", "-shared", "-fPIC", f"-I{ROOT}/Sources/CKernels/include",
                    *map(str, sources), "-lm", "-o", str(out)], check=True)
    library = ctypes.CDLL(str(out))
    library.bench_kernels.restype = ctypes.c_char_p
    library.bench_has_bf16.restype = ctypes.c_bool
    for name in ("bench_peak", "bench_peak_int8", "bench_peak_bf16"):
        getattr(library, name).restype = ctypes.c_double
    return library


def size(value):
    return ctypes.c_size_t(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    # Before the libraries start any.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    import maxsim_cpu
    import numpy as np

    def at(array, offset=0):
        return ctypes.c_void_p(array.ctypes.data + offset * array.itemsize)

    def unit(rows):
        return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)

    library = driver()
    random = np.random.default_rng(1)
    # Around 256 topics, so that scores differ as those of real documents do.
    topics = random.normal(size=(256, DIMENSION))
    query = unit(topics[random.integers(256, size=QUERY_TOKENS)] + random.normal(size=(QUERY_TOKENS, DIMENSION)))
    chosen = topics[random.integers(256, size=(DOCUMENTS, TOKENS))]
    documents = unit(chosen + random.normal(size=(DOCUMENTS, TOKENS, DIMENSION)))
    flat = np.ascontiguousarray(documents.reshape(-1, DIMENSION))
    starts = np.arange(DOCUMENTS + 1, dtype=np.uint64) * TOKENS
    octets = np.zeros(flat.shape, dtype=np.uint8)
    scales = np.zeros((len(flat), 2), dtype=np.float32)
    library.bench_quantize(at(flat), size(len(flat)), size(DIMENSION), at(octets), at(scales))
    halves = np.zeros(flat.shape, dtype=np.uint16)
    library.bench_round(at(flat), size(len(flat)), size(DIMENSION), at(halves))
    out = np.zeros(DOCUMENTS, dtype=np.float32)
    crew = ThreadPoolExecutor(threads)
    bounds = np.linspace(0, DOCUMENTS, threads + 1).astype(int).tolist()

    def ours(function, *vectors):
        """Documents in as many parts as there are threads. Foreign calls run without Python's lock."""
        def part(place):
            function(at(query), size(QUERY_TOKENS), size(DIMENSION), *map(at, vectors), at(starts, bounds[place]),
                     size(bounds[place + 1] - bounds[place]), at(out, bounds[place]))
        if threads == 1:
            part(0)
        else:
            list(crew.map(part, range(threads)))
        return out

    peak = library.bench_peak()
    ways = {
        "resift fp32": (lambda: ours(library.bench_single, flat), peak),
        "resift int8": (lambda: ours(library.bench_int8, octets, scales), library.bench_peak_int8()),
        "numpy fp32": (lambda: (flat @ query.T).reshape(DOCUMENTS, TOKENS, QUERY_TOKENS).max(axis=1).sum(axis=1), peak),
        "maxsim-cpu fp32": (lambda: np.asarray(maxsim_cpu.maxsim_scores(query, documents)), peak),
    }
    if library.bench_has_bf16():
        ways["resift bf16"] = (lambda: ours(library.bench_bf16, halves), library.bench_peak_bf16())
    reference = ways["numpy fp32"][0]().copy()
    errors, times = {}, {name: [] for name in ways}
    for name, (way, _) in ways.items():
        errors[name] = float(np.abs(way() - reference).max())
        assert errors[name] < (1e-4 if "fp32" in name else 0.05), (name, errors[name])
    for _ in range(ROUNDS):
        for name, (way, _) in ways.items():
            begin = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - begin)
    work = 2 * QUERY_TOKENS * DOCUMENTS * TOKENS * DIMENSION / 1e9
    medians = {name: float(np.median(values)) for name, values in times.items()}
    print(f"{library.bench_kernels().decode()} kernels, threads: {threads}, medians of {ROUNDS} turns, "
          f"{work:.2f} G operations")
    print(f"{'':16} {'ms':>7} {'Gop/s':>7} {'of the peak':>12} {'than numpy':>11} {'than maxsim-cpu':>16} {'error':>8}")
    for name in sorted(ways, key=medians.get):
        top = ways[name][1] * threads
        share = f"{work / medians[name] / top:.0%} of {top:.0f}" if top else ""
        ratios = [np.median(np.array(times[peer]) / np.array(times[name])) for peer in ("numpy fp32", "maxsim-cpu fp32")]
        print(f"{name:16} {1e3 * medians[name]:7.2f} {work / medians[name]:7.0f} {share:>12} {ratios[0]:10.1f}x"
              f" {ratios[1]:15.1f}x {errors[name]:8.1g}")


if __name__ == "__main__":
    main()
