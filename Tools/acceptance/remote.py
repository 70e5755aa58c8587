"""Real rerank servers that others wrote, asked by Resift's remote rerankers.

usage: remote.py RESIFT [--test-command "swift test -c release"] [--model DIRECTORY]

Starts infinity-emb and llama.cpp's server (from the package xllamacpp) with a cross-encoder, scores the same documents
with RESIFT on this machine, and runs the test suite ThirdPartyServerTests, which compares. Run it in the environment
that `environments.sh remote` makes.
"""

import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "remote"))

import gguf_cross_encoder  # noqa: E402
from resift_server import free_port  # noqa: E402
from server_process import ServerProcess, llama_server  # noqa: E402

ROOT = HERE.parent.parent
QUERY = "how do I reset my password?"
SHORT = [
    "Open the sign-in page, choose \"Forgot password\", and follow the link in the e-mail.",
    "Bananas are yellow when they are ripe.",
    "Passwords have to have at least twelve characters.",
    "Um das Passwort zurückzusetzen, klicken Sie auf den Link.",
    "パスワードを再設定するには、リンクをクリックしてください。",
    "RESET YOUR PASSWORD: settings > security > reset.",
    "   white space around the text   ",
    "naïve café — “quotes” & <tags>",
] + [f"Article {n}: the {'password' if n % 3 == 0 else 'invoice'} can be changed {n} times a year." for n in range(60)]
LONG = SHORT + ["The reset link is sent by e-mail. " * 200]


def local_scores(program, model, documents, activation):
    lines = "".join(json.dumps(text) + "\n" for text in documents)
    output = subprocess.run(
        [program, "rerank", QUERY, "--documents", "-", "--model", model, "--precision", "fp32", "--activation", activation,
         "--limit", "0", "--format", "jsonl"],
        input=lines, capture_output=True, text=True, check=True).stdout
    scores = [None] * len(documents)
    for line in output.splitlines():
        result = json.loads(line)
        scores[result["index"]] = result["score"]
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--test-command", default="swift test -c release")
    shared = os.environ.get("RESIFT_SHARED", str(ROOT.parent / "shared"))
    parser.add_argument("--model", default=f"{shared}/models/ms-marco-MiniLM-L-12-v2")
    options = parser.parse_args()
    if not pathlib.Path(options.model).is_dir():
        raise SystemExit(f"skipped: there is no model in {options.model}")

    with tempfile.TemporaryDirectory(prefix="resift-remote-") as folder:
        single = gguf_cross_encoder.one_segment(options.model, f"{folder}/one-segment")
        gguf_cross_encoder.convert(single, f"{folder}/model.gguf")
        infinity_port, llama_port = free_port(), free_port()
        infinity = f"http://127.0.0.1:{infinity_port}"
        llama = f"http://127.0.0.1:{llama_port}"
        binaries = pathlib.Path(sys.executable).parent
        servers = [
            ServerProcess(
                "infinity",
                [str(binaries / "infinity_emb"), "v2", "--model-id", options.model, "--engine", "torch", "--device", "cpu",
                 "--dtype", "float32", "--host", "127.0.0.1", "--port", str(infinity_port)],
                f"{infinity}/health",
                {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0",
                 "INFINITY_BETTERTRANSFORMER": "False", "INFINITY_MODEL_WARMUP": "False", "INFINITY_COMPILE": "False"}),
            llama_server(f"{folder}/model.gguf", llama_port, 512, "--rerank"),
        ]
        exact = {kind: local_scores(options.program, options.model, LONG, kind) for kind in ("identity", "sigmoid")}
        alike = local_scores(options.program, single, SHORT, "identity")

        def case(name, documents, scores, tolerance, **more):
            return {"name": name, "documents": documents, "scores": scores, "tolerance": tolerance, **more}

        # llama.cpp looks GELU up in a table of 16-bit floats: its logits are near, not equal.
        near = 0.05
        cases = [
            case(f"infinity:{infinity}", LONG, exact["identity"], 1e-4, activation="identity"),
            case(f"infinity:{infinity}", LONG, exact["sigmoid"], 1e-5),
            case(f"llamacpp:{llama}", SHORT, alike, near),
            case(f"tei:{llama}", SHORT, alike, near, activation="identity"),
            case(f"vllm:any@{llama}", SHORT, alike, near, activation="identity"),
            case(f"jina:any@{llama}/v1", SHORT, alike, near, score_kind="logit"),
        ]
        path = pathlib.Path(folder) / "cases.json"
        path.write_text(json.dumps({"query": QUERY, "cases": cases}))
        with servers[0], servers[1]:
            command = [*shlex.split(options.test_command), "--filter", "ThirdPartyServerTests"]
            status = subprocess.run(command, env={**os.environ, "RESIFT_REMOTE_CASES": str(path)}, cwd=ROOT).returncode
    raise SystemExit(status)


if __name__ == "__main__":
    main()
