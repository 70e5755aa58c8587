"""One round of ONNX Runtime for each line on standard input; the counterpart of resift-bench.

    python peer_onnxruntime.py MODEL.onnx WORKLOAD.json THREADS BATCHING

BATCHING is "one" (a pair at a time: no padding), "all" (one padded batch) or "sorted8" (eight of similar length).
"""

import json
import resource
import sys
import time

begin = time.perf_counter()
import numpy
import onnxruntime


def batches(workload, batching):
    order = list(range(len(workload["lengths"])))
    if batching != "all":
        order.sort(key=lambda i: workload["lengths"][i])
    size = {"one": 1, "all": len(order), "sorted8": 8}[batching]
    for start in range(0, len(order), size):
        part = order[start : start + size]
        longest = max(workload["lengths"][i] for i in part)

        def padded(rows):
            return numpy.array([rows[i] + [0] * (longest - len(rows[i])) for i in part])

        mask = [[1] * length for length in workload["lengths"]]
        yield {"input_ids": padded(workload["input_ids"]), "token_type_ids": padded(workload["token_type_ids"]),
               "attention_mask": padded(mask)}


def main(model, workload_path, threads, batching):
    with open(workload_path) as file:
        workload = json.load(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(model, options)
    types = {i.name: numpy.int64 if "int64" in i.type else numpy.int32 for i in session.get_inputs()}
    feeds = [{name: batch[name].astype(kind) for name, kind in types.items()} for batch in batches(workload, batching)]
    for feed in feeds:
        session.run(None, feed)
    print("ready", (time.perf_counter() - begin) * 1000, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for feed in feeds:
            session.run(None, feed)
        milliseconds = (time.perf_counter() - start) * 1000
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"milliseconds": milliseconds, "peak_megabytes": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
