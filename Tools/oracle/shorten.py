"""Cuts the documents of a BEIR directory to their first words, for a comparison with Lucene that is exact.

    python3 Tools/oracle/shorten.py BEIR_DIRECTORY OUTPUT_DIRECTORY [--words 38]

Lucene stores the length of a document in one byte: up to 40 terms exactly, then rounded down. With the defaults no length
is rounded, so that whatever differs between two runs is analysis or formula.
"""

import argparse
import json
import pathlib
import re
import shutil

from beir import lines

WORD = re.compile(r"\w+")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--words", type=int, default=38)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with open(arguments.output / "corpus.jsonl", "w", encoding="utf-8") as file:
        for document in lines(arguments.directory / "corpus.jsonl"):
            text = f"{document.get('title') or ''} {document.get('text') or ''}".strip()
            words = list(WORD.finditer(text))
            if len(words) > arguments.words:
                text = text[:words[arguments.words - 1].end()]
            file.write(json.dumps({"_id": document["_id"], "title": "", "text": text}) + "\n")
    shutil.copyfile(arguments.directory / "queries.jsonl", arguments.output / "queries.jsonl")


main()
