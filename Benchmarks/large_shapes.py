"""A large encoder beside ONNX Runtime int8, and a causal model with and without its shared prefix; random weights.

    python Benchmarks/large_shapes.py PATH_TO_RESIFTBENCH [FOLDER]    (BENCH_THREADS, BENCH_ROUNDS: 2, 6 by default)

8 pairs of 128 tokens through bge-reranker-v2-m3's shape, loaded for the first time and for the second, then the engines
interleaved, minimum and median quoted; then 20 documents of 200 tokens through Qwen3-Reranker-0.6B's. Checkpoints are
written to FOLDER once (10 GB), packed weights to FOLDER/cache.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from compare import BATCHINGS, HERE, Engine

THREADS = os.environ.get("BENCH_THREADS", "2")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "6"))


def checkpoint(shape, folder):
    path = folder / shape
    if not path.exists():
        subprocess.run([sys.executable, str(HERE / "random_checkpoint.py"), shape, str(path)], check=True)
    return path


def quantized(path):
    """ONNX Runtime's dynamic quantization of the checkpoint."""
    whole, int8 = path / "plain.onnx", path / "int8.onnx"
    if not int8.exists():
        from onnxruntime.quantization import quantize_dynamic

        subprocess.run([sys.executable, str(HERE / "export_onnx.py"), str(path), str(whole), "--plain", "--external"], check=True)
        quantize_dynamic(whole, int8, per_channel=True, use_external_data_format=True)
    return int8


def load(command):
    """A process that loads the model and scores one round, and ends."""
    engine = Engine("load", command)
    engine.round()
    engine.close()
    figures = json.loads(engine.ready.removeprefix("ready"))
    return f"{figures['load_milliseconds']:.0f} ms, peak {engine.peak:.0f} MB"


def main(bench, folder):
    # As for somebody who starts for the first time.
    shutil.rmtree(folder / "cache", ignore_errors=True)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    encoder = checkpoint("bge-reranker-v2-m3", folder)
    workload = str(encoder / "workload.json")
    resift = [bench, "rounds", workload, "--model", str(encoder), "--threads", THREADS, "--precision"]
    print(f"bge-reranker-v2-m3's shape, loaded for the first time: {load([*resift, 'int8'])}")
    print(f"bge-reranker-v2-m3's shape, loaded again: {load([*resift, 'int8'])}", flush=True)
    engines = [Engine("Resift int8", [*resift, "int8"])]
    peer = str(quantized(encoder))
    for batching in BATCHINGS:
        command = [sys.executable, str(HERE / "peer_onnxruntime.py"), peer, workload, THREADS, batching]
        engines.append(Engine(f"ONNX Runtime int8, {batching}", command))
    for _ in range(ROUNDS):
        for engine in engines:
            engine.round()
    for engine in engines:
        engine.close()
    best = min(min(engine.times) for engine in engines[1:])
    print(f"bge-reranker-v2-m3's shape: 8 pairs of 128 tokens, {THREADS} threads, {ROUNDS} interleaved rounds")
    for engine in engines:
        print(f"  {engine.name:28} min {min(engine.times):8.1f} ms, median {statistics.median(engine.times):8.1f} ms, "
              f"peak {engine.peak:6.0f} MB, ratio {min(engine.times) / best:5.2f}")
    causal = checkpoint("qwen3-reranker-0.6b", folder)
    print("Qwen3-Reranker-0.6B's shape:", flush=True)
    for prompt in ("100", "150"):
        subprocess.run([bench, "prefix", "--threads", THREADS, str(causal), prompt, "20", "200"], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(sys.argv[1], pathlib.Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(sys.argv[1], pathlib.Path(scratch))
