"""Writes Tests/Fixtures/embedding-prompts.json: embeddings with prompts, by role, and in the layout of version 6.

    pip install sentence-transformers==6.2.0 transformers==5.23.0 torch==2.15.0
    python Tools/golden/embedding_prompts.py

Each model is a copy of a tiny bi-encoder of Tests/Fixtures with the JSON files that the case lists written over it.
"""

import json
import shutil
import tempfile
from datetime import date
from pathlib import Path

import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer

FIXTURES = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures"
WORDS = "harbour council bridge memory city mountain river orchestra search village carpenter teacher".split()
TEXTS = [
    "harbour",
    "The council of the city searched the river, and found a bridge.",
    "Who built the bridge in the mountain village?",
    "",
    "  A carpenter, a teacher   and an orchestra. ",
    "Unbelievable caf\u00e9 \u6771\u4eac 1,234.5!",
    " ".join(WORDS[i * 7 % len(WORDS)] for i in range(300)),  # longer than either window
]
ROLES = {"query": "encode_query", "document": "encode_document", "plain": "encode"}


def prompts(**texts):
    return {"prompts": texts, "default_prompt_name": None, "similarity_fn_name": "cosine"}


def pooling(mode, include_prompt):
    flags = {f"pooling_mode_{name}_tokens": name == mode for name in ("mean", "max")}
    flags["pooling_mode_cls_token"] = mode == "cls"
    return {"word_embedding_dimension": 48, **flags, "include_prompt": include_prompt}


BOTH = prompts(query="search the city for: ", document="document about a river. ")
CASES = [
    ("prompts", "mean", {"config_sentence_transformers.json": BOTH}),
    (
        "prompts left out of the mean",
        "mean",
        {"config_sentence_transformers.json": BOTH, "1_Pooling/config.json": pooling("mean", False)},
    ),
    (
        "prompts, first token",
        "cls",
        {"config_sentence_transformers.json": BOTH, "1_Pooling/config.json": pooling("cls", True)},
    ),
    (
        "a prompt longer than the window, left out",
        "mean",
        {
            "config_sentence_transformers.json": prompts(query=" ".join(WORDS * 20), document=""),
            "1_Pooling/config.json": pooling("mean", False),
        },
    ),
    (
        "default prompt",
        "mean",
        {"config_sentence_transformers.json": {**BOTH, "default_prompt_name": "query"}},
    ),
]


def embed(name, mode, files, directory):
    model = SentenceTransformer(str(directory), device="cpu")
    roles = {}
    for role, function in ROLES.items():
        rows = [getattr(model, function)([text])[0] for text in TEXTS]  # one at a time: no padding
        roles[role] = [[float(f"{value:.9g}") for value in row] for row in rows]
    return {"name": name, "model": f"bert-bi-encoder-{mode}", "files": files, "embeddings": roles}


def main():
    torch.manual_seed(0)
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, mode, files) in enumerate(CASES):
            directory = Path(scratch) / str(number)
            shutil.copytree(FIXTURES / f"bert-bi-encoder-{mode}" / "model", directory)
            for path, content in files.items():
                (directory / path).write_text(json.dumps(content))
            cases.append(embed(name, mode, files, directory))
            if name == "prompts left out of the mean":  # once more, as version 6 stores it
                saved = Path(scratch) / "saved"
                SentenceTransformer(str(directory), device="cpu").save(str(saved))
                listed = ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                          "config_sentence_transformers.json", "config.json", "tokenizer_config.json"]
                stored = {path: json.loads((saved / path).read_text()) for path in listed}
                cases.append(embed("the layout of version 6", mode, stored, saved))
    versions = {
        "sentence-transformers": sentence_transformers.__version__,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    head = {"script": "Tools/golden/embedding_prompts.py", "versions": versions, "date": str(date.today())}
    lines = ",\n".join(json.dumps(case) for case in cases)
    text = f'{json.dumps(head)[:-1]},\n"texts": {json.dumps(TEXTS)},\n"cases": [\n{lines}\n]}}\n'
    (FIXTURES / "embedding-prompts.json").write_text(text)


if __name__ == "__main__":
    main()
