"""A real llama.cpp server that chats, asked by Resift's clients of language models.

usage: wire.py [--test-command "swift test -c release"]

The server comes from the package xllamacpp; its model has random weights. The suite LlamaCppTests finds its address in
RESIFT_LLAMACPP_URL. Run it in the environment that `environments.sh wire` makes; that of `remote` does too.
"""

import argparse
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "remote"))

import tiny_llama  # noqa: E402
from resift_server import free_port  # noqa: E402
from server_process import llama_server  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test-command", default="swift test -c release")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resift-wire-") as folder:
        model, port = f"{folder}/tiny.gguf", free_port()
        tiny_llama.write_model(model)
        with llama_server(model, port, tiny_llama.CONTEXT):
            environment = {**os.environ, "RESIFT_LLAMACPP_URL": f"http://127.0.0.1:{port}"}
            command = [*shlex.split(options.test_command), "--filter", "LlamaCppTests"]
            status = subprocess.run(command, env=environment, cwd=HERE.parent.parent).returncode
    raise SystemExit(status)


if __name__ == "__main__":
    main()
