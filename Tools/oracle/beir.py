"""What the scripts here read of a BEIR directory."""

import gzip
import json


def lines(path):
    """The records of a JSON Lines file, or of the same with .gz behind its name."""
    zipped = path.with_name(path.name + ".gz")
    opened = open(path, encoding="utf-8") if path.exists() else gzip.open(zipped, "rt", encoding="utf-8")
    with opened as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def judged_queries(qrels):
    """The ids of the queries that a BEIR .tsv judges; its first line is a header."""
    return {line.split("\t")[0] for line in qrels.read_text(encoding="utf-8").splitlines()[1:]}
