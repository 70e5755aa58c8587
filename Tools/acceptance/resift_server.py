"""A `resift serve` process of one test, on a free loopback port, that never outlives it."""

import atexit
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ResiftServer:
    """Starts the server and waits until it is ready.

    with ResiftServer(program, ["--max-documents", "50"], keys=["secret"]) as server:
        server.url  # http://127.0.0.1:PORT
    """

    def __init__(self, program, options=(), keys=(), port=None, wait_seconds=30):
        self.program = str(program)
        self.options = list(options)
        self.keys = list(keys)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.wait_seconds = wait_seconds
        self.seconds_to_ready = None
        self.log = None
        self.process = None

    def start(self):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="resift-serve-", suffix=".log", delete=False)
        environment = dict(os.environ)
        if self.keys:
            environment["RESIFT_API_KEYS"] = ",".join(self.keys)
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [self.program, "serve", "--host", "127.0.0.1", "--port", str(self.port), *self.options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        atexit.register(self.kill)
        while time.monotonic() - begin < self.wait_seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"resift serve ended with status {self.process.returncode}:\n{self.logged()}")
            try:
                with urllib.request.urlopen(self.url + "/ready", timeout=5) as answer:
                    if answer.status == 200:
                        self.seconds_to_ready = time.monotonic() - begin
                        return self
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.002)
        self.kill()
        raise RuntimeError(f"resift serve was not ready after {self.wait_seconds} s:\n{self.logged()}")

    def logged(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def resident_bytes(self):
        """Resident memory now, and its peak."""
        values = {}
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(("VmRSS:", "VmHWM:")):
                name, value, _ = line.split()
                values[name] = int(value) * 1024
        return values["VmRSS:"], values["VmHWM:"]

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds):
        """The exit status, or None where it still runs."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """Asks the server to end, and makes it end."""
        if self.alive:
            self.terminate()
            if self.wait(20) is None:
                self.kill()
        atexit.unregister(self.kill)
        if self.log is not None:
            self.log.close()
            pathlib.Path(self.log.name).unlink(missing_ok=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def command_ranking(program, query, documents, options=()):
    """What `resift rerank` prints for the same pairs: index, score and logit, best first."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(documents, file)
        file.flush()
        output = subprocess.run(
            [str(program), "rerank", query, "--documents", file.name, "--input-format", "json", "--limit", "0",
             "--format", "jsonl", *options],
            check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]
