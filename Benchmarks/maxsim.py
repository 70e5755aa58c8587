"""MaxSim of one query with 1,000 documents, beside numpy and maxsim-cpu, one thread each, in turns.

    python3 -m venv .venv-maxsim
    .venv-maxsim/bin/pip install numpy==2.4.6 maxsim-cpu==0.1.0
    .venv-maxsim/bin/python Benchmarks/maxsim.py

Scores are compared with numpy's before anything is timed: those in single precision to 1e-4, those of bytes to 0.05 (they
are sums of 32 similarities).
"""

import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import maxsim_cpu
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
QUERY_TOKENS, DOCUMENTS, TOKENS, DIMENSION, ROUNDS = 32, 1000, 180, 128, 15


def driver() -> ctypes.CDLL:
    """The kernels of Sources/CKernels as a library."""
    out = Path(tempfile.mkdtemp()) / "maxsim.so"
    sources = [*(ROOT / "Sources/CKernels").glob("*.c"), ROOT / "Benchmarks/maxsim_driver.c"]
    compiler = os.environ.get("CC", "clang")
    subprocess.run([compiler, "-std=c17", "-O2", "-shared", "-fPIC", f"-I{ROOT}/Sources/CKernels/include",
                    *map(str, sources), "-lm", "-o", str(out)], check=True)
    library = ctypes.CDLL(str(out))
    library.bench_kernels.restype = ctypes.c_char_p
    return library


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def at(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def size(value: int) -> ctypes.c_size_t:
    return ctypes.c_size_t(value)


def main() -> None:
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
    out = np.zeros(DOCUMENTS, dtype=np.float32)

    def ours_single() -> np.ndarray:
        library.bench_single(at(query), size(QUERY_TOKENS), size(DIMENSION), at(flat), at(starts), size(DOCUMENTS),
                             at(out))
        return out

    def ours_int8() -> np.ndarray:
        library.bench_int8(at(query), size(QUERY_TOKENS), size(DIMENSION), at(octets), at(scales), at(starts),
                           size(DOCUMENTS), at(out))
        return out

    def with_numpy() -> np.ndarray:
        return (flat @ query.T).reshape(DOCUMENTS, TOKENS, QUERY_TOKENS).max(axis=1).sum(axis=1)

    def with_maxsim_cpu() -> np.ndarray:
        return np.asarray(maxsim_cpu.maxsim_scores(query, documents))

    ways = {"resift fp32": ours_single, "resift int8": ours_int8, "numpy fp32": with_numpy,
            "maxsim-cpu fp32": with_maxsim_cpu}
    reference = with_numpy().copy()
    for name, way in ways.items():
        error = float(np.abs(way() - reference).max())
        assert error < (0.05 if "int8" in name else 1e-4), (name, error)
        print(f"{name}: largest difference of a score {error:.2g}")

    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - begin)
    rounds, (m, n, k) = 20_000, (14, 32, 128)
    begin = time.perf_counter()
    library.bench_product(size(rounds), size(m), size(n), size(k))
    peak = 2 * rounds * m * n * k / (time.perf_counter() - begin)
    work = 2 * QUERY_TOKENS * DOCUMENTS * TOKENS * DIMENSION
    print(f"{library.bench_kernels().decode()} kernels; a product in the L1 cache reaches {peak / 1e9:.0f} GFLOP/s")
    for name, values in times.items():
        median = float(np.median(values))
        print(f"{name:16} {1e3 * median:8.2f} ms  {work / median / 1e9:7.0f} Gop/s  {work / median / peak:6.0%} of that")
    for peer in ("numpy fp32", "maxsim-cpu fp32"):
        for name in ("resift fp32", "resift int8"):
            print(f"{name} is {np.median(np.array(times[peer]) / np.array(times[name])):.1f} times as fast as {peer}")


if __name__ == "__main__":
    main()
