"""The files of Deploy/ name what the server has: metrics, settings."""

import json
import pathlib
import re

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
