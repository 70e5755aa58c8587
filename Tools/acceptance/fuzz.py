#!/usr/bin/env python3
"""schemathesis over the server's own /openapi.json: no 5xx, no answer that the document does not describe.

    sh Tools/acceptance/environments.sh fuzz
    python3 Tools/acceptance/fuzz.py .build/release/resift [--examples 200]

Two servers are tested: one with keys and an index, one open and without. Left out of schemathesis's checks are
`negative_data_rejection` and `positive_data_acceptance`: clients rely on nulls and unknown keys being accepted, and
what a document cannot say (the words of a filter, the sum of all tokens) may be refused.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parent.parent
sys.path.insert(0, str(FOLDER))

from resift_server import ResiftServer  # noqa: E402

SCHEMATHESIS = REPOSITORY / ".venv-acceptance-fuzz/bin/schemathesis"
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "ignored_auth",
]
KEY = "fuzz-key"


def schemathesis(server, arguments, headers):
    command = [
        SCHEMATHESIS, "run", server.url + "/openapi.json", "--checks", ",".join(CHECKS), "--phases",
        "examples,coverage,fuzzing", "--max-examples", str(arguments.examples), "--seed", str(arguments.seed),
        "--generation-database", "none", "--continue-on-failure", "--request-timeout", "60",
        "--warnings", "off", "--suppress-health-check", "all"]
    for header in headers:
        command += ["-H", header]
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, cwd=folder).returncode


def main():
    parser = argparse.ArgumentParser(description="schemathesis over resift serve.")
    parser.add_argument("resift")
    parser.add_argument("--examples", type=int, default=100, help="cases for each operation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not SCHEMATHESIS.exists():
        print("skipped: no schemathesis. Run: sh Tools/acceptance/environments.sh fuzz")
        sys.exit(2)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        index = pathlib.Path(folder) / "help.resift"
        subprocess.run(
            [arguments.resift, "index", "build", REPOSITORY / "Examples/demo/help-centre", "--output", index],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name, options, keys, headers in (
            ("keys and an index", ["--index", str(index)], [KEY], [f"Authorization: Bearer {KEY}"]),
            ("open, without an index", [], [], []),
        ):
            with ResiftServer(arguments.resift, options, keys=keys) as server:
                status = schemathesis(server, arguments, headers)
                if not server.alive:
                    print(f"FAILED  {name}: the server died\n{server.logged()[-2_000:]}")
                ok = status == 0 and server.alive
            print(f"{'passed' if ok else 'FAILED'}  {name}")
            passed += ok
            failed += not ok
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
