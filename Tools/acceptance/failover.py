#!/usr/bin/env python3
"""Two servers behind HAProxy with Deploy/haproxy/haproxy.cfg: one is killed under load, comes back, the other is drained.

    python3 Tools/acceptance/failover.py .build/release/resift [--requests 1000]

Every request must be answered with a correct ranking. HAProxy is in Debian's packages (apt-get install haproxy).
"""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from load import Client, problem  # noqa: E402
from resift_server import ResiftServer, free_port  # noqa: E402
from workload import Workload  # noqa: E402

CONFIGURATION = pathlib.Path(__file__).resolve().parents[2] / "Deploy/haproxy/haproxy.cfg"
DOCUMENTS = 10


class Run:
    """`total` requests by some clients; `events` happen when that many have been answered."""

    def __init__(self, port, total, events):
        self.port = port
        self.left = total
        self.events = collections.deque(events)
        self.failures = collections.Counter()
        self.answered = 0
        self.workload = Workload(seed=3, documents=DOCUMENTS, words=60)

    async def client(self):
        client = Client(self.port)
        while self.left > 0:
            self.left -= 1
            payload = json.dumps(self.workload.request()).encode()
            try:
                status, _, body = await asyncio.wait_for(client.post(payload), 120)
                kind = problem(status, body, DOCUMENTS) or ("status 429" if status == 429 else None)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
                kind = type(error).__name__
                client.close()
            if kind:
                self.failures[kind] += 1
            self.answered += 1
            while self.events and self.answered >= self.events[0][0]:
                await asyncio.to_thread(self.events.popleft()[1])
        client.close()

    async def run(self, clients):
        await asyncio.gather(*(self.client() for _ in range(clients)))


def main():
    parser = argparse.ArgumentParser(description="A killed and a drained node behind HAProxy.")
    parser.add_argument("resift")
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=8)
    arguments = parser.parse_args()
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if haproxy is None:
        print("skipped: no haproxy. Install it: apt-get install haproxy")
        sys.exit(2)

    options = ["--threads", "1", "--cache-bytes", "0"]
    nodes = [ResiftServer(arguments.resift, options).start() for _ in range(2)]
    port = free_port()
    environment = dict(
        os.environ, RESIFT_BIND=f"127.0.0.1:{port}",
        **{f"RESIFT_NODE_{number}": f"127.0.0.1:{node.port}" for number, node in enumerate(nodes, 1)})
    proxy = subprocess.Popen(
        [haproxy, "-f", CONFIGURATION], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def log(text):
        print(f"after {run.answered:4} answers: {text}", flush=True)

    def kill():
        nodes[0].kill()
        log("node 1 killed (SIGKILL)")

    def restart():
        nodes[0].stop()
        nodes[0] = ResiftServer(arguments.resift, options, port=nodes[0].port).start()
        log("node 1 started again")

    def terminate():
        nodes[1].terminate()
        log("node 2 asked to end (SIGTERM)")

    total = arguments.requests
    run = Run(port, total, [(total * 3 // 10, kill), (total * 5 // 10, restart), (total * 8 // 10, terminate)])
    try:
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        asyncio.run(run.run(arguments.clients))
        status = nodes[1].wait(30)
    finally:
        proxy.terminate()
        try:
            proxy.wait(5)
        except subprocess.TimeoutExpired:
            proxy.kill()
        for node in nodes:
            node.stop()
    failed = sum(run.failures.values())
    print(f"{run.answered} requests, {failed} failed {dict(run.failures) or ''}; the drained node ended with status {status}")
    print(f"{run.answered - failed} passed, {failed + (status != 0)} failed")
    sys.exit(1 if failed or status != 0 else 0)


if __name__ == "__main__":
    main()
