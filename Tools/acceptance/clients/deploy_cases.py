"""The files of Deploy/ name what the server has: metrics, settings."""

import json
import pathlib
import re
import subprocess
import tempfile

from acceptance import KEY, QUERY, TEXTS, case, get, post

CLIENT = "Deploy/"
DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "Deploy"


@case("every metric of the Grafana dashboard is one of /metrics, every histogram has buckets")
def dashboard(setup):
    post(setup.url, "/v1/rerank", {"query": QUERY, "documents": TEXTS}, key=KEY)
    post(setup.url, "/v1/rerank", {"query": QUERY, "documents": []}, key=KEY)
    _, _, metrics = get(setup.url, "/metrics", key=None)
    there = set(re.findall(r"^(resift_\w+)", metrics, re.MULTILINE))
    panels = json.loads((DEPLOY / "grafana/dashboard.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    asked = {name for expression in expressions for name in re.findall(r"\bresift_\w+", expression)}
    assert len(asked) > 10, asked
    assert asked <= there, f"not in /metrics: {sorted(asked - there)}; there are {sorted(there)}"
    for quantile in ("0.5", "0.95", "0.99"):
        assert any(f"histogram_quantile({quantile}," in expression for expression in expressions), quantile
    labels = {label for expression in expressions for label in re.findall(r"by \((\w+)\)", expression)} - {"le"}
    for label in labels:
        assert f'{label}="' in metrics, f"no metric has the label {label}"


def flags(setup):
    text = subprocess.run([setup.program, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z-]+", text))


@case("Deploy/resift.yaml is a configuration that --check accepts, and one with a mistake is not")
def configuration(setup):
    file = DEPLOY / "resift.yaml"
    checked = subprocess.run([setup.program, "serve", "--config", file, "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    for mistake in ("max-documents: many", "no-such-setting: 1", "port: 99999"):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as wrong:
            wrong.write(file.read_text() + mistake + "\n")
            wrong.flush()
            checked = subprocess.run(
                [setup.program, "serve", "--config", wrong.name, "--check"], capture_output=True, text=True)
            assert checked.returncode != 0, f"{mistake} was accepted"
            assert mistake.split(":")[0] in checked.stderr, checked.stderr


@case("the flags and variables of the unit, the image and the manifest are the server's")
def settings(setup):
    known = flags(setup) | {"--api-keys"}
    unit = (DEPLOY / "resift.service").read_text()
    used = set(re.findall(r"--[a-z-]+", next(line for line in unit.splitlines() if line.startswith("ExecStart="))))
    assert used <= known, used - known
    for name in ("Dockerfile", "kubernetes.yaml"):
        text = "\n".join(line for line in (DEPLOY / name).read_text().splitlines() if not line.startswith("#"))
        variables = set(re.findall(r"RESIFT_([A-Z_]+)", text))
        assert variables, name
        wanted = {"--" + variable.lower().replace("_", "-") for variable in variables}
        assert wanted <= known, f"{name}: {wanted - known}"
