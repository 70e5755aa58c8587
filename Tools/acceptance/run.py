#!/usr/bin/env python3
"""Runs the real clients of PyPI against a real `resift serve` and compares every score with `resift rerank`.

    make acceptance                                    # builds, makes the environments, runs all
    sh Tools/acceptance/environments.sh first second
    python3 Tools/acceptance/run.py .build/release/resift [--only voyage] [--verbose]

It needs the standard library alone; the clients live in environments of their own (requirements/*.txt). Two, because
langchain-cohere wants cohere 5 and LlamaIndex voyageai 0.3, while users have cohere 7 and voyageai 0.5 too.
Prints a table and "N passed, N failed"; ends with status 1 where a case failed, 2 where it could not start.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parent.parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "clients")]

import acceptance  # noqa: E402
from resift_server import ResiftServer, command_ranking  # noqa: E402

ENVIRONMENTS = {
    "first": [
        "cohere_cases", "langchain_cohere_cases", "llama_index_cases", "voyage_cases", "mixedbread_cases",
        "rerankers_cases", "infinity_cases", "wire_cases", "deploy_cases"],
    "second": ["cohere_cases", "voyage_cases", "langchain_voyageai_cases"],
}
DOCUMENT_LIMIT = 60


def models(server):
    request = urllib.request.Request(
        server.url + "/v1/models", headers={"Authorization": f"Bearer {acceptance.KEY}"})
    with urllib.request.urlopen(request) as answer:
        return [row["id"] for row in json.load(answer)["data"]]


def cases(setup_file, only):
    """Yields each case's result as a dictionary."""
    for name, modules in ENVIRONMENTS.items():
        python = REPOSITORY / f".venv-acceptance-{name}/bin/python"
        chosen = [module for module in modules if only is None or only in module]
        if not chosen:
            continue
        process = subprocess.Popen(
            [python, FOLDER / "clients/runner.py", setup_file, *chosen], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            yield json.loads(line)
        if process.wait() not in (0, 1):
            yield {"client": name, "case": "ran to its end", "problem": f"status {process.returncode}", "seconds": 0}


def table(results):
    """One row a client: how many cases, how many failed, how long."""
    rows = {}
    for result in results:
        row = rows.setdefault(result["client"], [0, 0, 0.0])
        row[0] += 1
        row[1] += result["problem"] is not None
        row[2] += result["seconds"]
    width = max(map(len, rows))
    print(f"{'client':{width}}  cases  failed  seconds")
    for client, (count, failed, seconds) in rows.items():
        print(f"{client:{width}}  {count:5}  {failed:6}  {seconds:7.1f}")


def main():
    parser = argparse.ArgumentParser(description="Real clients against resift serve.")
    parser.add_argument("resift", help="the built command")
    parser.add_argument("--only", help="modules whose name has this in it")
    parser.add_argument("--verbose", action="store_true", help="print each case")
    arguments = parser.parse_args()
    missing = [name for name in ENVIRONMENTS if not (REPOSITORY / f".venv-acceptance-{name}/bin/python").exists()]
    if missing:
        print(f"skipped: no environment {', '.join(missing)}. Run: sh Tools/acceptance/environments.sh")
        sys.exit(2)

    begin = time.monotonic()
    keys = [acceptance.KEY, "another-key"]
    limits = ["--max-documents", str(DOCUMENT_LIMIT), "--max-queue", "2", "--unknown-models", "refuse"]
    with ResiftServer(arguments.resift, keys=keys) as server, \
            ResiftServer(arguments.resift, limits, keys=keys) as limited, \
            tempfile.NamedTemporaryFile("w", suffix=".json") as setup:
        json.dump({
            "url": server.url, "limited_url": limited.url, "document_limit": DOCUMENT_LIMIT,
            "model": models(server)[0], "program": str(pathlib.Path(arguments.resift).resolve()),
            "expected": {
                name: command_ranking(arguments.resift, query, documents, options)
                for name, (query, documents, options) in acceptance.PAIRS.items()},
        }, setup)
        setup.flush()
        results = []
        for result in cases(setup.name, arguments.only):
            results.append(result)
            if arguments.verbose or result["problem"]:
                print(f"{'FAILED' if result['problem'] else 'passed'}  {result['client']}: {result['case']}")
                if result["problem"]:
                    print(f"        {result['problem']}")
        for name, one in (("server", server), ("limited server", limited)):
            if not one.alive:
                results.append({"client": "resift serve", "case": f"the {name} lives", "problem": one.logged(), "seconds": 0})
        leaked = [text for text in acceptance.TEXTS if len(text) > 10 and text in server.logged() + limited.logged()]
        results.append({
            "client": "resift serve", "case": "no document text in the log",
            "problem": f"the log has {leaked[0]!r}" if leaked else None, "seconds": 0})
    table(results)
    failed = sum(result["problem"] is not None for result in results)
    print(f"{time.monotonic() - begin:.1f} s")
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
