"""Resift beside ONNX Runtime and OpenVINO, interleaved in one run: A B C A B C, one process each, minimum and median
quoted.

    make bench-peers            (BENCH_THREADS, BENCH_ROUNDS, BENCH_PEERS: "1 2", 12 and all by default)

All run the embedded model's own values. The int8 peer is ONNX Runtime's dynamic quantization: the file that
RESIFT_SHARED holds (bench/default-model.int8.onnx), or the embedded model quantized here in the same way. Each peer is
given each of its usual batchings; the ratios are to the fastest of ONNX Runtime's int8.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MODEL = ROOT / "Sources/Resift/Resources/default-model"
SHARED = pathlib.Path(os.environ.get("RESIFT_SHARED", ROOT.parent / "shared"))
THREADS = os.environ.get("BENCH_THREADS", "1 2").split()
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "12"))
PEERS = os.environ.get("BENCH_PEERS", "int8 fp32 openvino texts").split()
BATCHINGS = ("one", "sorted8", "all")


class Engine:
    def __init__(self, name, command):
        self.name, self.times, self.peak = name, [], 0
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        # "ready" and figures: loaded, and warmed up by one round. NNCF prints its progress before.
        ready = (line for line in iter(self.process.stdout.readline, "") if line.startswith("ready"))
        self.ready = next(ready, None)
        self.started = self.ready is not None

    def round(self):
        # A peer's threads spin for a while after their turn, at the cost of whoever comes next.
        time.sleep(0.15)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.times.append(answer["milliseconds"])
        self.peak = answer["peak_megabytes"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def engines(path, threads, models, bench):
    def resift(precision, *options):
        command = [bench, "rounds", path, "--threads", threads, "--precision", precision, *options]
        return Engine(" ".join(["Resift", precision, *(["with tokenization"] if options else [])]), command)

    def peer(name, script, model, batching):
        command = [sys.executable, str(HERE / script), model, path, threads, batching]
        return Engine(f"{name}, {batching}", command)

    made = [resift("int8"), resift("int8", "--text"), resift("bf16"), resift("fp32")]
    if "int8" in PEERS:
        made += [peer("ONNX Runtime int8", "peer_onnxruntime.py", models["int8"], b) for b in BATCHINGS]
    if "fp32" in PEERS:
        made += [peer("ONNX Runtime fp32", "peer_onnxruntime.py", models["fused"], b) for b in BATCHINGS]
    if "openvino" in PEERS:
        made += [peer("OpenVINO int8 and bf16", "peer_openvino.py", models["plain"], b) for b in ("one", "sorted8")]
    if "texts" in PEERS:
        for name, script in (("FlashRank int8", "peer_flashrank.py"), ("fastembed int8", "peer_fastembed.py")):
            made.append(Engine(
                f"{name}, from texts", [sys.executable, str(HERE / script), models["int8"], str(MODEL), path, threads]))
    for engine in made:
        if not engine.started:
            print(f"{engine.name} does not run here")
    return [engine for engine in made if engine.started]


def run(workload, threads, models, bench):
    path = str(HERE / "workloads" / f"{workload}.json")
    pairs = len(json.loads(pathlib.Path(path).read_text())["lengths"])
    running = engines(path, threads, models, bench)
    for _ in range(ROUNDS):
        for engine in running:
            engine.round()
    for engine in running:
        engine.close()
    peer = min((min(e.times) for e in running if e.name.startswith("ONNX Runtime int8")), default=float("nan"))
    print(f"\n{workload}: {pairs} pairs, {threads} threads, {ROUNDS} interleaved rounds")
    print(f"  {'engine':34} {'min ms':>8} {'median':>8} {'pairs/s':>8} {'peak MB':>8} {'ratio':>6}")
    for e in running:
        best = min(e.times)
        print(f"  {e.name:34} {best:8.1f} {statistics.median(e.times):8.1f} {pairs / best * 1000:8.0f} {e.peak:8.0f} "
              f"{best / peer:6.2f}", flush=True)


def cold_start(models, resift):
    """From the start of a process to its first score, its files in the page cache."""
    question, passage = "how do I reset my password?", "Choose Security and press Reset password.\n"
    commands = {
        "Resift int8": [resift, "rerank", question, "--documents", "-", "--input-format", "lines", "--precision", "int8"],
        "ONNX Runtime int8": [sys.executable, str(HERE / "peer_onnxruntime.py"), models["int8"],
                              str(HERE / "workloads/workload_first.json"), THREADS[-1], "one"],
    }
    print("\ncold start to the first score")
    for name, command in commands.items():
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            subprocess.run(command, input=passage if "rerank" in command else "", capture_output=True, text=True, check=True)
            times.append((time.perf_counter() - start) * 1000)
        print(f"  {name:34} min {min(times):6.1f} ms, median {statistics.median(times):6.1f} ms", flush=True)


def prepare(folder):
    def export(name, *options):
        path = f"{folder}/{name}.onnx"
        subprocess.run([sys.executable, str(HERE / "export_onnx.py"), str(MODEL), path, *options], check=True)
        return path

    models = {"fused": export("fused"), "plain": export("plain", "--plain")}
    stored = SHARED / "bench/default-model.int8.onnx"
    models["int8"] = str(stored) if stored.exists() else f"{folder}/int8.onnx"
    if not stored.exists():
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(models["plain"], models["int8"], per_channel=True)
    return models


def main():
    def folder_of(*options):
        command = ["swift", "build", "-c", "release", *options, "--show-bin-path"]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    bench = folder_of("--package-path", str(HERE)) + "/ResiftBench"
    with tempfile.TemporaryDirectory() as folder:
        models = prepare(folder)
        for workload in sys.argv[1:] or ["workload_30", "workload_100", "workload_512"]:
            for threads in THREADS:
                run(workload, threads, models, bench)
        cold_start(models, folder_of() + "/resift")


if __name__ == "__main__":
    main()
