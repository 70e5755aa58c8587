"""Writes selftest.json of the embedded model: pairs, and their logits by ONNX Runtime in float32 on the same weights.

    python Benchmarks/export_onnx.py Sources/Resift/Resources/default-model model.onnx
    python Tools/default-model/selftest.py model.onnx Sources/Resift/Resources/default-model
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
from tokenizers import Tokenizer

PAIRS = [
    ("how do I reset my password?", "Open Settings, choose Security, and press Reset password. We send you a link."),
    ("how do I reset my password?", "Our offices are closed on public holidays."),
    ("how do I reset my password?", ""),
    ("what is the boiling point of water at altitude", "Water boils at a lower temperature where the air is thinner: at 3,000 m, near 90 °C."),
    ("what is the boiling point of water at altitude", "The kettle was invented in the nineteenth century."),
    ("refund policy for annual plans in Europe", "Annual plans bought in the European Union can be returned within 14 days for a full refund."),
    ("refund policy for annual plans in Europe", "Monthly plans renew on the first of each month."),
    ("python sort dictionary by value", "sorted(d.items(), key=lambda item: item[1]) returns the pairs ordered by value."),
    ("python sort dictionary by value", "A python can swallow prey much wider than its head."),
    ("Wie kündige ich meinen Vertrag?", "Die Kündigung ist bis zum 31. März schriftlich einzureichen."),
    ("naïve café résumé", "Accents: naive cafe resume — the same words without them."),
    ("東京の天気", "東京は明日、晴れのち曇りでしょう。"),
    ("who wrote the first program for the analytical engine", "Ada Lovelace published an algorithm for Babbage's machine in 1843. " * 30),
    ("a", "b"),
    ("Is it safe to charge a phone overnight?", "Modern phones stop charging when the battery is full, so leaving one plugged in is safe."),
    ("Is it safe to charge a phone overnight?", "[SEP] [MASK] The phone rang twice; nobody answered. 🙂"),
]


def main(onnx_path, directory):
    directory = pathlib.Path(directory)
    session = onnxruntime.InferenceSession(onnx_path)
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    cases = []
    for query, document in PAIRS:
        pair = tokenizer.encode(query, document)
        inputs = {"input_ids": pair.ids, "token_type_ids": pair.type_ids, "attention_mask": [1] * len(pair.ids)}
        logits = session.run(None, {name: numpy.array([value], numpy.int32) for name, value in inputs.items()})[0]
        cases.append({"query": query, "document": document, "logit": float(f"{logits[0, 0]:.7g}")})
    reference = f"ONNX Runtime {onnxruntime.__version__}, float32 arithmetic on the stored weights"
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    text = f'{{\n  "reference": {json.dumps(reference)},\n  "tolerance": 0.001,\n  "cases": [\n{lines}\n  ]\n}}\n'
    (directory / "selftest.json").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:3])
