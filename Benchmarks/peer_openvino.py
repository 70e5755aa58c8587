"""One round of OpenVINO for each line on standard input, as peer_onnxruntime.py does.

    python peer_openvino.py MODEL.onnx WORKLOAD.json THREADS BATCHING

The graph in float32 is quantized to int8 by NNCF's recipe for transformers, calibrated on the workload's own pairs, and
what stays in floating point may run in bfloat16.
"""

import json
import resource
import sys
import time

begin = time.perf_counter()
import nncf
import numpy
import openvino

from peer_onnxruntime import batches


def main(path, workload_path, threads, batching):
    with open(workload_path) as file:
        workload = json.load(file)
    feeds = [{name: rows.astype(numpy.int32) for name, rows in batch.items()} for batch in batches(workload, batching)]
    core = openvino.Core()
    data = nncf.Dataset(feeds)
    model = nncf.quantize(core.read_model(path), data, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(feeds))
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16",
                "ENABLE_CPU_PINNING": False}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    for feed in feeds:
        request.infer(feed)
    print("ready", (time.perf_counter() - begin) * 1000, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for feed in feeds:
            request.infer(feed)
        milliseconds = (time.perf_counter() - start) * 1000
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"milliseconds": milliseconds, "peak_megabytes": peak}), flush=True)


if __name__ == "__main__":
    # NNCF reports its progress on standard output, which the driver reads.
    nncf.set_log_level(40)
    main(*sys.argv[1:5])
