"""One rerank of FlashRank, from the texts, for each line on standard input; the counterpart of `ResiftBench rounds --text`.

    python peer_flashrank.py MODEL.onnx MODEL_DIRECTORY WORKLOAD.json THREADS

FlashRank finds models by their names in a folder: this makes such a folder with the given weights and tokenizer.
"""

import json
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time

begin = time.perf_counter()
from flashrank import Ranker, RerankRequest

# A cross-encoder of the same kind; what counts is the file that lies under its name.
NAME, FILE = "ms-marco-MiniLM-L-12-v2", "flashrank-MiniLM-L-12-v2_Q.onnx"


def main(model, directory, workload_path, threads):
    # FlashRank has no option for threads: ONNX Runtime takes the CPUs that the process may use.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    workload = json.loads(pathlib.Path(workload_path).read_text())
    with tempfile.TemporaryDirectory() as cache:
        folder = pathlib.Path(cache) / NAME
        folder.mkdir()
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(pathlib.Path(directory) / name, folder / name)
        (folder / "special_tokens_map.json").write_text("{}")
        (folder / FILE).symlink_to(pathlib.Path(model).resolve())
        ranker = Ranker(model_name=NAME, cache_dir=cache, log_level="ERROR")
    passages = [{"id": number, "text": text} for number, text in enumerate(workload["passages"])]

    def rerank():
        return ranker.rerank(RerankRequest(query=workload["query"], passages=[dict(p) for p in passages]))

    rerank()
    print("ready", (time.perf_counter() - begin) * 1000, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        rerank()
        milliseconds = (time.perf_counter() - start) * 1000
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"milliseconds": milliseconds, "peak_megabytes": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
