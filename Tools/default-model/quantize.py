"""Writes the embedded default model: float16 checkpoint in, int8 checkpoint out.

    python Tools/default-model/quantize.py ../shared/default-model Sources/Resift/Resources/default-model

Every matrix becomes I8 with one F32 scale a row (output channel, or token for the embedding tables), symmetric:

    scale[r] = max |w[r, :]| / 127        q[r, c] = round(w[r, c] / scale[r])

stored as `name` and `name_scale` ([rows, 1]), as compressed-tensors names them. Vectors (biases, LayerNorm) stay F32.
tokenizer.json and the two configs are copied unchanged, but for `quantization_config` in config.json.
"""

import json
import pathlib
import shutil
import sys

import numpy
from safetensors.numpy import load_file, save_file


def quantize(weight):
    scale = numpy.abs(weight).max(axis=1, keepdims=True) / 127
    scale[scale == 0] = 1
    return numpy.rint(weight / scale).astype(numpy.int8), scale.astype(numpy.float32)


def main(source, target):
    source, target = pathlib.Path(source), pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, value in load_file(source / "model.safetensors").items():
        value = value.astype(numpy.float32)
        # The classifier is one row of 384: quantizing it saves nothing and moves every logit.
        if value.ndim == 2 and not name.startswith("classifier."):
            tensors[name], tensors[name + "_scale"] = quantize(value)
        else:
            tensors[name] = value
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "config_groups": {
            "group_0": {
                "targets": ["Linear", "Embedding"],
                "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"},
            }
        },
        "ignore": ["classifier"],
    }
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main(*sys.argv[1:3])
