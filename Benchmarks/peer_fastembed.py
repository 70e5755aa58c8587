"""One rerank of fastembed, from the texts, for each line on standard input; the counterpart of `ResiftBench rounds --text`.

    python peer_fastembed.py MODEL.onnx MODEL_DIRECTORY WORKLOAD.json THREADS
"""

import json
import pathlib
import resource
import shutil
import sys
import tempfile
import time

begin = time.perf_counter()
from fastembed.common.model_description import ModelSource
from fastembed.rerank.cross_encoder import TextCrossEncoder


def main(model, directory, workload_path, threads):
    workload = json.loads(pathlib.Path(workload_path).read_text())
    with tempfile.TemporaryDirectory() as cache:
        folder = pathlib.Path(cache)
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(pathlib.Path(directory) / name, folder / name)
        (folder / "special_tokens_map.json").write_text("{}")
        (folder / "model.onnx").symlink_to(pathlib.Path(model).resolve())
        # The source is never asked: the files lie in specific_model_path.
        TextCrossEncoder.add_custom_model("local", sources=ModelSource(hf="local/local"), model_file="model.onnx")
        encoder = TextCrossEncoder("local", threads=int(threads), specific_model_path=str(folder))
    query, passages = workload["query"], workload["passages"]
    list(encoder.rerank(query, passages))
    print("ready", (time.perf_counter() - begin) * 1000, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        list(encoder.rerank(query, passages))
        milliseconds = (time.perf_counter() - start) * 1000
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"milliseconds": milliseconds, "peak_megabytes": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
