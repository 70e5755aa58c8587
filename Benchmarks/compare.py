"""Resift beside ONNX Runtime, interleaved in one run: A B C A B C, one process each, minimum and median quoted.

    make bench-peers            (BENCH_THREADS and BENCH_ROUNDS: 2 and 12 by default)

Both run the embedded model's own values in float32. ONNX Runtime is given each of its usual batchings; the ratio is to
the fastest of them.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MODEL = ROOT / "Sources/Resift/Resources/default-model"
THREADS = os.environ.get("BENCH_THREADS", "2")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "12"))
BATCHINGS = ("one", "sorted8", "all")


class Engine:
    def __init__(self, name, command):
        self.name, self.times, self.peak = name, [], 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # "ready": loaded, and warmed up by one round

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.times.append(answer["milliseconds"])
        self.peak = answer["peak_megabytes"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(workload, onnx_model, bench):
    path = str(HERE / "workloads" / f"{workload}.json")
    pairs = len(json.loads(pathlib.Path(path).read_text())["lengths"])
    engines = [
        Engine("Resift fp32", [bench, "rounds", path, "--threads", THREADS]),
        Engine("Resift fp32, with tokenization", [bench, "rounds", path, "--threads", THREADS, "--text"]),
    ]
    engines += [
        Engine(f"ONNX Runtime fp32, {b}", [sys.executable, str(HERE / "peer_onnxruntime.py"), onnx_model, path, THREADS, b])
        for b in BATCHINGS
    ]
    for _ in range(ROUNDS):
        for engine in engines:
            engine.round()
    for engine in engines:
        engine.close()
    peer = min(min(e.times) for e in engines if e.name.startswith("ONNX"))
    print(f"\n{workload}: {pairs} pairs, {THREADS} threads, {ROUNDS} interleaved rounds")
    print(f"  {'engine':34} {'min ms':>8} {'median':>8} {'pairs/s':>8} {'peak MB':>8} {'ratio':>6}")
    for e in engines:
        best = min(e.times)
        print(f"  {e.name:34} {best:8.1f} {statistics.median(e.times):8.1f} {pairs / best * 1000:8.0f} {e.peak:8.0f} {best / peer:6.2f}")


def main():
    build = ["swift", "build", "-c", "release", "--package-path", str(HERE), "--show-bin-path"]
    bench = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip() + "/ResiftBench"
    with tempfile.TemporaryDirectory() as folder:
        onnx_model = folder + "/model.onnx"
        subprocess.run([sys.executable, str(HERE / "export_onnx.py"), str(MODEL), onnx_model], check=True)
        for workload in sys.argv[1:] or ["workload_30", "workload_100", "workload_512"]:
            run(workload, onnx_model, bench)


if __name__ == "__main__":
    main()
