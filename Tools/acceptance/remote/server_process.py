"""Servers that others wrote, as processes that end with the block that started them."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


class ServerProcess:
    """A process with an HTTP port, ended with the block."""

    def __init__(self, name, command, ready, environment=None):
        self.name, self.command, self.ready, self.environment = name, command, ready, environment or {}

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile("w+", prefix=f"{self.name}-", suffix=".log", delete=False)
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment})
        end = time.monotonic() + 180
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.ready, timeout=5) as answer:
                    if answer.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        self.__exit__()
        raise SystemExit(f"{self.name} did not start:\n{pathlib.Path(self.log.name).read_text(errors='replace')[-3000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def llama_server(model, port, context, *options):
    """llama.cpp's server with a model in GGUF."""
    command = [sys.executable, str(HERE / "llama_server.py"), str(model), str(port), str(context), *options]
    return ServerProcess("llama", command, f"http://127.0.0.1:{port}/health")
