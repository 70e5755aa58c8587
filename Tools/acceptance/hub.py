#!/usr/bin/env python3
"""Whether `resift` and the real huggingface_hub of PyPI share one cache: each finds what the other downloaded.

    sh Tools/acceptance/environments.sh hub
    .venv-acceptance-hub/bin/python Tools/acceptance/hub.py .build/release/resift

Both download from a hub of this script's own, which answers as the real one does: files in git by itself, large files
by a redirect to another host.
"""

import argparse
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

# huggingface_hub reads these when it is imported.
os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
os.environ.pop("HF_TOKEN", None)

import huggingface_hub  # noqa: E402

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/bert-cross-encoder/model"
MODEL = "tests/tiny-model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
READ = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
OTHERS = {"README.md": b"# A model\n", "onnx/model.onnx": b"\0" * 1_000}
TEXTS = "the river\na mountain\nwater\n"


class Hub(http.server.ThreadingHTTPServer):
    """One model, and the host that its redirects lead to (the same machine by another name)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {path.name: path.read_bytes() for path in FIXTURE.iterdir() if path.is_file()} | OTHERS
        self.transfers, self.seconds_per_transfer = [], 0.0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def git_hash(self, name):
        data = self.files[name]
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def sha256(self, name):
        return hashlib.sha256(self.files[name]).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, hub = self.path.split("?")[0], self.server
        if re.fullmatch(rf"/api/models/{MODEL}(/revision/(main|v1|{COMMIT}))?", path):
            return self.answer_json({"id": MODEL, "sha": COMMIT, "siblings": [{"rfilename": n} for n in sorted(hub.files)]})
        if re.fullmatch(rf"/api/models/{MODEL}/tree/[^/]+", path):
            return self.answer_json([self.entry(name) for name in sorted(hub.files)])
        if match := re.fullmatch(rf"/{MODEL}/resolve/(?:main|v1|{COMMIT})/(.+)", path):
            name = match[1]
            if name in hub.files and name.endswith((".safetensors", ".onnx")):
                return self.answer(302, {
                    "Location": f"http://localhost:{hub.server_port}/storage/{name}?signature=1",
                    "X-Linked-Etag": f'"{hub.sha256(name)}"', "X-Linked-Size": str(len(hub.files[name])),
                    "X-Repo-Commit": COMMIT})
            if name in hub.files:
                return self.bytes(name, {"ETag": f'"{hub.git_hash(name)}"', "X-Repo-Commit": COMMIT})
        if path.startswith("/storage/"):
            return self.bytes(path.removeprefix("/storage/"), {"ETag": '"of the storage"'})
        self.answer(404, {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def entry(self, name):
        hub = self.server
        entry = {"type": "file", "path": name, "size": len(hub.files[name]), "oid": hub.git_hash(name)}
        if name.endswith((".safetensors", ".onnx")):
            entry["lfs"] = {"oid": hub.sha256(name), "size": entry["size"], "pointerSize": 130}
        return entry

    def bytes(self, name, headers):
        if self.command == "GET":
            self.server.transfers.append(name)
            time.sleep(self.server.seconds_per_transfer)
        self.answer(200, headers, self.server.files[name])

    def answer_json(self, value):
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)


class Machine:
    """A hub, an empty cache, and the two tools that share it."""

    def __init__(self, program, hub, cache):
        self.program, self.hub, self.cache = program, hub, cache

    def environment(self, **more):
        return {**os.environ, "HF_ENDPOINT": self.hub.url, "HF_HUB_CACHE": self.cache, **more}

    def resift(self, *arguments, **environment):
        done = subprocess.run(
            [self.program, *arguments], input=TEXTS, capture_output=True, text=True, timeout=120,
            env=self.environment(**environment))
        check(done.returncode == 0, f"{arguments}: status {done.returncode}, {done.stderr}")
        return done.stdout

    def pull(self, model=MODEL):
        return json.loads(self.resift("models", "pull", model, "--format", "json"))

    def scores(self, model):
        return self.resift("rerank", "river", "--documents", "-", "--model", model, HF_HUB_OFFLINE="1")

    def snapshot(self, **options):
        return huggingface_hub.snapshot_download(MODEL, cache_dir=self.cache, endpoint=self.hub.url, **options)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def theirs_is_found(machine):
    """a model that huggingface_hub downloaded is used by its name, offline, and a pull has nothing to do"""
    machine.snapshot()
    check(machine.scores(MODEL) == machine.scores(str(FIXTURE)), "the scores are not those of the directory")
    machine.hub.transfers.clear()
    pulled = machine.pull()
    check(pulled["downloaded_files"] == 0 and machine.hub.transfers == [], f"pulled again: {machine.hub.transfers}")


def theirs_at_a_tag_is_found(machine):
    """a tag and a commit that huggingface_hub downloaded are found, and main, which it did not, is not"""
    machine.snapshot(revision="v1")
    for revision in ("v1", COMMIT):
        check(machine.scores(f"{MODEL}@{revision}") == machine.scores(str(FIXTURE)), f"{revision}: other scores")
    refused = subprocess.run(
        [machine.program, "models", "info", "--model", MODEL], capture_output=True, text=True, env=machine.environment())
    check(refused.returncode == 66 and f"resift models pull {MODEL}" in refused.stderr, refused.stderr)


def ours_is_found(machine):
    """a model that Resift pulled is found by huggingface_hub without the network, file by file and as a whole"""
    pulled = machine.pull()
    check(pulled["commit"] == COMMIT, pulled)
    folder = machine.snapshot(local_files_only=True)
    check(os.path.realpath(folder) == os.path.realpath(pulled["directory"]), f"{folder} is not {pulled['directory']}")
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        path = huggingface_hub.hf_hub_download(MODEL, name, cache_dir=machine.cache, local_files_only=True)
        check(pathlib.Path(path).read_bytes() == machine.hub.files[name], f"{name} is another file")
    report = huggingface_hub.scan_cache_dir(machine.cache)
    check(not report.warnings, f"huggingface_hub warns: {report.warnings}")
    (repository,) = report.repos
    check(repository.repo_id == MODEL and [*repository.refs] == ["main"], f"{repository}")


def ours_is_completed(machine):
    """huggingface_hub downloads of a pulled model only what Resift does not read"""
    machine.pull()
    machine.hub.transfers.clear()
    machine.snapshot()
    check(sorted(machine.hub.transfers) == sorted(set(machine.hub.files) - READ), f"downloaded {machine.hub.transfers}")


def both_at_once(machine):
    """both at the same time wait for each other's locks: every file comes once"""
    machine.hub.seconds_per_transfer = 1.0
    command = [machine.program, "models", "pull", MODEL]
    pull = subprocess.Popen(command, env=machine.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    machine.snapshot()
    _, errors = pull.communicate(timeout=120)
    check(pull.returncode == 0, errors)
    check(sorted(machine.hub.transfers) == sorted(machine.hub.files), f"downloaded {machine.hub.transfers}")
    check(machine.scores(MODEL) == machine.scores(str(FIXTURE)), "the scores are not those of the directory")


def main():
    parser = argparse.ArgumentParser(description="resift and huggingface_hub share one cache.")
    parser.add_argument("resift", help="the built command")
    program = str(pathlib.Path(parser.parse_args().resift).resolve())
    failed = 0
    cases = [theirs_is_found, theirs_at_a_tag_is_found, ours_is_found, ours_is_completed, both_at_once]
    print(f"huggingface_hub {huggingface_hub.__version__}")
    for case in cases:
        note = None
        with Hub() as hub, tempfile.TemporaryDirectory() as cache:
            try:
                case(Machine(program, hub, cache))
            except Exception as error:
                note = f"{type(error).__name__}: {error}"
        print(f"{'FAILED' if note else 'passed'}  {case.__doc__}" + (f"\n        {note}" if note else ""), flush=True)
        failed += note is not None
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
