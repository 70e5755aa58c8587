#!/usr/bin/env python3
"""Load on one server: latency, failures by kind, memory over time, throughput beside the library's own, and SIGTERM.

    python3 Tools/acceptance/load.py .build/release/resift --seconds 120 --clients 64

1. `resift rerank` does the same work alone: the library's pairs/s.
2. `--clients` clients, one request after the other each, for `--seconds`. Every answer is checked: all documents, each
   once, best first. 429 is counted and not a failure; anything else that is not 200 is.
3. With the load running, SIGTERM: every request that was sent completely before it must be answered, and the server must end.

Prints a table and ends with status 1 where something failed: a failure, a lost request, memory that grew by more than
`--max-growth` after the first third, or throughput under `--min-ratio` of the library's.
"""

import argparse
import asyncio
import collections
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from resift_server import ResiftServer  # noqa: E402
from workload import Workload  # noqa: E402


class Client:
    """One connection that is kept open, and the smallest HTTP/1.1 that this needs: it must not be what is measured."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def post(self, payload, path="/v2/rerank", on_sent=None):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        self.writer.write(
            b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (path.encode(), len(payload)) + payload)
        await self.writer.drain()
        if on_sent is not None:
            on_sent()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


def problem(status, body, count):
    """What is wrong with an answer, as a kind, or None."""
    if status == 429:
        return None
    if status != 200:
        return f"status {status}"
    try:
        results = json.loads(body)["results"]
    except (ValueError, KeyError, TypeError):
        return "unreadable answer"
    scores = [row["relevance_score"] for row in results]
    if sorted(row["index"] for row in results) != list(range(count)):
        return "documents missing or twice"
    if scores != sorted(scores, reverse=True) or not all(0 <= score <= 1 for score in scores):
        return "not best first"
    return None


class Tally:
    def __init__(self):
        self.latencies = []
        self.failures = collections.Counter()
        self.refused = 0
        self.documents = 0
        self.sent = 0

    @property
    def answered(self):
        return len(self.latencies) + self.refused

    def percentile(self, share):
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] * 1_000 if ordered else math.nan


async def client_loop(port, payloads, tally, count, running):
    client = Client(port)
    while running():
        payload = next(payloads)
        begin = time.monotonic()
        try:
            status, headers, body = await asyncio.wait_for(client.post(payload), 120)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
            tally.failures[type(error).__name__] += 1
            client.close()
            await asyncio.sleep(0.05)
            continue
        kind = problem(status, body, count)
        if status == 429:
            tally.refused += 1
            await asyncio.sleep(float(headers.get("retry-after", 1)) if "retry-after" in headers else 1)
        elif kind:
            tally.failures[kind] += 1
        else:
            tally.latencies.append(time.monotonic() - begin)
            tally.documents += count
    client.close()


def library_pairs_per_second(program, threads, requests):
    """`resift rerank` on the same pairs, many queries in one process.

    The difference of two runs, a tenth of the requests and all, leaves out the start and the loading of the model.
    """
    def seconds(chosen):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            with open(folder / "queries.jsonl", "w") as queries, open(folder / "documents.jsonl", "w") as documents, \
                    open(folder / "candidates.trec", "w") as candidates:
                for number, request in enumerate(chosen):
                    queries.write(json.dumps({"_id": f"q{number}", "text": request["query"]}) + "\n")
                    for place, text in enumerate(request["documents"]):
                        documents.write(json.dumps({"id": f"d{number}-{place}", "text": text}) + "\n")
                        candidates.write(f"q{number} Q0 d{number}-{place} {place + 1} {-place} first\n")
            begin = time.monotonic()
            subprocess.run(
                [program, "rerank", "--queries", folder / "queries.jsonl", "--documents", folder / "documents.jsonl",
                 "--candidates", folder / "candidates.trec", "--format", "trec", *threads],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return time.monotonic() - begin

    few = requests[:len(requests) // 10]
    small, large = min(seconds(few) for _ in range(3)), min(seconds(requests) for _ in range(3))
    return sum(len(request["documents"]) for request in requests[len(few):]) / (large - small)


class Processors:
    """Who had the machine's processors since this was made: the server, this program, all others, nobody."""

    def __init__(self, server):
        self.server = server
        self.begin = self.now()

    def now(self):
        ticks = os.sysconf("SC_CLK_TCK")
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        machine = [int(value) / ticks for value in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return {
            "server": (int(fields[11]) + int(fields[12])) / ticks, "generator": time.process_time(),
            "busy": sum(machine) - machine[3] - machine[4], "all": sum(machine)}

    def shares(self):
        spent = {name: value - self.begin[name] for name, value in self.now().items()}
        spent["others"] = max(0, spent["busy"] - spent["server"] - spent["generator"])
        return {name: spent[name] / spent["all"] for name in ("server", "generator", "others")}


async def watch(server, samples, running):
    while running():
        samples.append(server.resident_bytes()[0])
        await asyncio.sleep(0.5)


async def steady(server, arguments, payloads):
    tally, samples = Tally(), []
    begin = time.monotonic()

    def running():
        return time.monotonic() - begin < arguments.seconds and server.alive
    await asyncio.gather(
        watch(server, samples, running),
        *(client_loop(server.port, payloads, tally, arguments.documents, running) for _ in range(arguments.clients)))
    return tally, samples, time.monotonic() - begin


async def drain(server, arguments, payloads):
    """SIGTERM in the middle of the load: (sent before it, answered of these, exit status, seconds to the end)."""
    outcome = {"sent": 0, "answered": 0, "lost": collections.Counter()}
    terminated = asyncio.Event()

    async def loop():
        client = Client(server.port)
        while not terminated.is_set():
            accepted = False

            def on_sent():
                nonlocal accepted
                # Only what was sent completely before the signal can be called accepted.
                accepted = not terminated.is_set()
                outcome["sent"] += accepted
            try:
                status, _, body = await asyncio.wait_for(client.post(next(payloads), on_sent=on_sent), 120)
                kind = problem(status, body, arguments.documents)
                # 503 is an answer too where the server had not yet taken the request up.
                if accepted and (kind is None or status == 503):
                    outcome["answered"] += 1
                elif accepted:
                    outcome["lost"][kind] += 1
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
                client.close()
                if accepted:
                    outcome["lost"][type(error).__name__] += 1
        client.close()

    loops = [asyncio.create_task(loop()) for _ in range(arguments.clients)]
    await asyncio.sleep(min(5, arguments.seconds))
    # Requests that were sent in this instant have to arrive first: what is in flight is what a proxy sees too.
    begin = time.monotonic()
    server.terminate()
    terminated.set()
    await asyncio.gather(*loops)
    status = await asyncio.to_thread(server.wait, 40)
    return outcome, status, time.monotonic() - begin


def endless(workload):
    while True:
        yield json.dumps(workload.request()).encode()


def main():
    parser = argparse.ArgumentParser(description="Load on resift serve.")
    parser.add_argument("resift")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--documents", type=int, default=20, help="documents in a request")
    parser.add_argument("--words", type=int, default=60, help="words in a document")
    parser.add_argument("--threads", help="for the server and the library alike")
    parser.add_argument("--min-ratio", type=float, default=0.9)
    parser.add_argument("--max-growth", type=float, default=0.1)
    parser.add_argument("--cache-bytes", default="0", help="0: each pair costs what it costs the library")
    arguments = parser.parse_args()
    threads = ["--threads", arguments.threads] if arguments.threads else []
    failed = []

    workload = Workload(seed=1, documents=arguments.documents, words=arguments.words)
    requests = [workload.request() for _ in range(200)]
    library = library_pairs_per_second(arguments.resift, threads, requests)
    payloads = endless(Workload(seed=2, documents=arguments.documents, words=arguments.words))

    with ResiftServer(arguments.resift, ["--cache-bytes", arguments.cache_bytes, *threads]) as server:
        idle = server.resident_bytes()[0]
        processors = Processors(server)
        tally, samples, seconds = asyncio.run(steady(server, arguments, payloads))
        shares = processors.shares() if server.alive else {}
        alive, peak = server.alive, server.resident_bytes()[1] if server.alive else 0
        rate = tally.documents / seconds
        print(f"ready after      {server.seconds_to_ready * 1_000:.0f} ms")
        print(f"library          {library:.0f} pairs/s (resift rerank, the same texts)")
        print(f"server           {rate:.0f} pairs/s, {rate / library:.2f} of the library, {seconds:.0f} s, "
              f"{arguments.clients} clients, {arguments.documents} documents a request")
        print(f"answers          {len(tally.latencies)} ok, {tally.refused} refused (429), "
              f"{sum(tally.failures.values())} failed {dict(tally.failures) or ''}")
        print("latency          " + ", ".join(
            f"{name} {tally.percentile(share):.0f} ms"
            for name, share in (("p50", .5), ("p95", .95), ("p99", .99), ("longest", 1))))
        print("processors       " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
        steps = [samples[len(samples) * step // 6] for step in range(6)] + samples[-1:]
        print(f"memory           {idle >> 20} MB idle; " + ", ".join(f"{step >> 20}" for step in steps)
              + f" MB in even steps; peak {peak >> 20} MB")
        third = samples[len(samples) // 3:]
        growth = (sum(third[-5:]) / len(third[-5:])) / (sum(third[:5]) / len(third[:5])) - 1
        if not alive:
            failed.append(f"the server died:\n{server.logged()[-2_000:]}")
        if tally.failures:
            failed.append(f"failures: {dict(tally.failures)}")
        if growth > arguments.max_growth:
            failed.append(f"memory grew by {growth:.0%} in the last two thirds")
        if rate < arguments.min_ratio * library:
            failed.append(f"throughput is {rate / library:.2f} of the library's")

        if alive:
            outcome, status, seconds = asyncio.run(drain(server, arguments, payloads))
            print(f"SIGTERM          {outcome['answered']} of {outcome['sent']} requests sent before it answered, "
                  f"lost {dict(outcome['lost']) or 0}, exit status {status} after {seconds:.1f} s")
            if outcome["lost"] or outcome["answered"] != outcome["sent"]:
                failed.append(f"requests lost across SIGTERM: {dict(outcome['lost'])}")
            if status != 0:
                failed.append(f"exit status {status} after SIGTERM")
    for text in failed:
        print(f"FAILED           {text}")
    print(f"{4 - min(4, len(failed))} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
