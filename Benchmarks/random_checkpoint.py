"""Writes a checkpoint of a published model's shape with random weights, and a workload of token ids for it.

    python Benchmarks/random_checkpoint.py bge-reranker-v2-m3|qwen3-reranker-0.6b DIRECTORY

What a round takes depends on the shape alone. The tokenizer is a fixture's: only token ids are scored.
"""

import json
import pathlib
import shutil
import struct
import sys

import numpy

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures"


def linear(name, inputs, outputs, bias=True):
    yield name + ".weight", (outputs, inputs)
    if bias:
        yield name + ".bias", (outputs,)


def norm(name, width, bias=True):
    yield name + ".weight", (width,)
    if bias:
        yield name + ".bias", (width,)


def xlm_roberta(c):
    hidden, inner = c["hidden_size"], c["intermediate_size"]
    for table, rows in (("word", c["vocab_size"]), ("position", c["max_position_embeddings"]), ("token_type", 1)):
        yield f"roberta.embeddings.{table}_embeddings.weight", (rows, hidden)
    yield from norm("roberta.embeddings.LayerNorm", hidden)
    for index in range(c["num_hidden_layers"]):
        layer = f"roberta.encoder.layer.{index}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from linear(f"{layer}.attention.{part}", hidden, hidden)
        yield from norm(f"{layer}.attention.output.LayerNorm", hidden)
        yield from linear(f"{layer}.intermediate.dense", hidden, inner)
        yield from linear(f"{layer}.output.dense", inner, hidden)
        yield from norm(f"{layer}.output.LayerNorm", hidden)
    yield from linear("classifier.dense", hidden, hidden)
    yield from linear("classifier.out_proj", hidden, 1)


def qwen3(c):
    hidden, inner, width = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    queries, keys = c["num_attention_heads"] * width, c["num_key_value_heads"] * width
    yield "model.embed_tokens.weight", (c["vocab_size"], hidden)
    for index in range(c["num_hidden_layers"]):
        layer = f"model.layers.{index}"
        for part, outputs in (("q", queries), ("k", keys), ("v", keys)):
            yield from linear(f"{layer}.self_attn.{part}_proj", hidden, outputs, bias=False)
        yield from linear(f"{layer}.self_attn.o_proj", queries, hidden, bias=False)
        for part in ("q", "k"):
            yield from norm(f"{layer}.self_attn.{part}_norm", width, bias=False)
        for part in ("gate", "up"):
            yield from linear(f"{layer}.mlp.{part}_proj", hidden, inner, bias=False)
        yield from linear(f"{layer}.mlp.down_proj", inner, hidden, bias=False)
        for part in ("input", "post_attention"):
            yield from norm(f"{layer}.{part}_layernorm", hidden, bias=False)
    yield from norm("model.norm", hidden, bias=False)


SHAPES = {
    "bge-reranker-v2-m3": (xlm_roberta, "xlm-roberta-cross-encoder", dict(
        architectures=["XLMRobertaForSequenceClassification"], model_type="xlm-roberta", vocab_size=250002, hidden_size=1024,
        num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, max_position_embeddings=8194,
        type_vocab_size=1, layer_norm_eps=1e-5, hidden_act="gelu", pad_token_id=1, id2label={"0": "LABEL_0"})),
    "qwen3-reranker-0.6b": (qwen3, "qwen3-reranker", dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", vocab_size=151669, hidden_size=1024, num_hidden_layers=28,
        num_attention_heads=16, num_key_value_heads=8, head_dim=128, intermediate_size=3072,
        max_position_embeddings=40960, rms_norm_eps=1e-6, rope_theta=1000000.0, hidden_act="silu",
        tie_word_embeddings=True)),
}


def write_safetensors(path, tensors, random):
    header, offset = {}, 0
    for name, shape in tensors:
        size = 4 * int(numpy.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            values = random.standard_normal(shape, dtype=numpy.float32) * numpy.float32(0.02)
            if name.lower().endswith("norm.weight"):
                values += 1
            file.write(values.tobytes())


def main(shape, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    tensors, fixture, config = SHAPES[shape]
    random = numpy.random.default_rng(1)
    write_safetensors(folder / "model.safetensors", list(tensors(config)), random)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FIXTURES / fixture / "model" / name, folder / name)
    ids = [random.integers(5, 1000, 128).tolist() for _ in range(8)]
    (folder / "workload.json").write_text(json.dumps(dict(
        query="", passages=[], lengths=[128] * 8, input_ids=ids, token_type_ids=[[0] * 128] * 8)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
