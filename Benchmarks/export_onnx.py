"""Writes a BERT cross-encoder as an ONNX graph of ONNX Runtime's own fused operators, in float32.

    python Benchmarks/export_onnx.py CHECKPOINT_DIRECTORY OUT.onnx [--plain] [--external]

The graph is what ONNX Runtime's transformer optimizer arrives at (Attention, SkipLayerNormalization, BiasGelu), so
that the peer runs at its best. With --plain it has ONNX's own operators alone, which OpenVINO fuses itself. I8 weights with scales are multiplied out, so that both engines have the same values.
"""

import json
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


def read_weights(directory):
    stored = load_file(directory / "model.safetensors")
    weights = {}
    for name, value in stored.items():
        if name.endswith("_scale"):
            continue
        value = value.astype(numpy.float32)
        weights[name] = value * stored[name + "_scale"] if name + "_scale" in stored else value
    return as_bert(weights) if "roberta.embeddings.word_embeddings.weight" in weights else weights


def as_bert(weights):
    """XLM-RoBERTa under BERT's names: its positions begin with row 2."""
    renamed = {}
    for name, value in weights.items():
        for old, new in (("roberta.", "bert."), ("classifier.dense", "bert.pooler.dense"), ("classifier.out_proj", "classifier")):
            name = name.replace(old, new)
        renamed[name] = value[2:] if name == "bert.embeddings.position_embeddings.weight" else value
    return renamed


class Graph:
    def __init__(self, weights, config):
        self.weights, self.config = weights, config
        self.nodes, self.constants, self.made = [], [], set()

    def constant(self, name, value):
        if name not in self.made:
            self.made.add(name)
            self.constants.append(numpy_helper.from_array(numpy.asarray(value, order="C"), name))
        return name

    def node(self, operator, inputs, outputs, domain="", **attributes):
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def matmul(self, x, name, out):
        return self.node("MatMul", [x, self.constant(name + ".weight_t", self.weights[name + ".weight"].T)], [out])

    def skip_norm(self, x, skip, norm, bias, out):
        inputs = [x, skip, self.weight(norm + ".weight"), self.weight(norm + ".bias"), self.weight(bias)]
        epsilon = self.config["layer_norm_eps"]
        return self.node("SkipLayerNormalization", inputs, [out], "com.microsoft", epsilon=epsilon)

    def embed(self):
        tables = ["word_embeddings", "position_embeddings", "token_type_embeddings"]
        inputs = ["input_ids", "token_type_ids"] + [self.weight(f"bert.embeddings.{t}.weight") for t in tables]
        inputs += [self.weight(f"bert.embeddings.LayerNorm.{p}") for p in ("weight", "bias")] + ["attention_mask"]
        self.node("EmbedLayerNormalization", inputs, ["embedded", "lengths"], "com.microsoft",
                  epsilon=self.config["layer_norm_eps"])
        return "embedded"

    def layer(self, x, index):
        name = f"bert.encoder.layer.{index}"
        heads = self.config["num_attention_heads"]
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = numpy.concatenate([self.weights[part + ".weight"] for part in parts]).T
        bias = numpy.concatenate([self.weights[part + ".bias"] for part in parts])
        inputs = [x, self.constant(name + ".qkv", weight), self.constant(name + ".qkv_bias", bias), "lengths"]
        context = self.node("Attention", inputs, [name + ".context"], "com.microsoft", num_heads=heads)
        out = self.matmul(context, f"{name}.attention.output.dense", name + ".projected")
        norm = f"{name}.attention.output.LayerNorm"
        a = self.skip_norm(out, x, norm, f"{name}.attention.output.dense.bias", name + ".a")
        inner = self.matmul(a, f"{name}.intermediate.dense", name + ".inner")
        inner = self.node("BiasGelu", [inner, self.weight(f"{name}.intermediate.dense.bias")], [name + ".gelu"],
                          "com.microsoft")
        out = self.matmul(inner, f"{name}.output.dense", name + ".out")
        return self.skip_norm(out, a, f"{name}.output.LayerNorm", f"{name}.output.dense.bias", name + ".y")


class PlainGraph(Graph):
    """The same model in ONNX's own operators."""

    def linear(self, x, name, out):
        return self.node("Add", [self.matmul(x, name, out + ".product"), self.weight(name + ".bias")], [out])

    def norm(self, x, name, out):
        inputs = [x, self.weight(name + ".weight"), self.weight(name + ".bias")]
        return self.node("LayerNormalization", inputs, [out], axis=-1, epsilon=self.config["layer_norm_eps"])

    def embed(self):
        parts = []
        for table, ids in (("word", "input_ids"), ("token_type", "token_type_ids")):
            parts.append(self.node("Gather", [self.weight(f"bert.embeddings.{table}_embeddings.weight"), ids], [table]))
        shape = self.node("Shape", ["input_ids"], ["shape"])
        length = self.node("Gather", [shape, self.constant("one", numpy.array(1, numpy.int64))], ["length"])
        steps = [self.constant("start", numpy.array(0, numpy.int64)), length, "one"]
        positions = self.node("Range", steps, ["positions"])
        table = self.weight("bert.embeddings.position_embeddings.weight")
        parts.append(self.node("Gather", [table, positions], ["position"]))
        x = self.node("Add", [self.node("Add", parts[:2], ["embedded.pair"]), parts[2]], ["embedded.sum"])
        mask = self.node("Cast", ["attention_mask"], ["mask.float"], to=TensorProto.FLOAT)
        mask = self.node("Sub", [mask, self.constant("full", numpy.array(1, numpy.float32))], ["mask.shifted"])
        mask = self.node("Mul", [mask, self.constant("huge", numpy.array(1e9, numpy.float32))], ["mask.scaled"])
        self.node("Unsqueeze", [mask, self.constant("axes", numpy.array([1, 2], numpy.int64))], ["mask"])
        return self.norm(x, "bert.embeddings.LayerNorm", "embedded")

    def heads(self, x, name, order):
        """[batch, length, hidden] to [batch, heads, ...] in the order given."""
        count = self.config["num_attention_heads"]
        shape = self.constant("split", numpy.array([0, 0, count, self.config["hidden_size"] // count], numpy.int64))
        parts = self.node("Reshape", [self.linear(x, name, name + ".out"), shape], [name + ".heads"])
        return self.node("Transpose", [parts], [name + ".turned"], perm=order)

    def layer(self, x, index):
        name = f"bert.encoder.layer.{index}"
        query = self.heads(x, f"{name}.attention.self.query", [0, 2, 1, 3])
        key = self.heads(x, f"{name}.attention.self.key", [0, 2, 3, 1])
        value = self.heads(x, f"{name}.attention.self.value", [0, 2, 1, 3])
        width = self.config["hidden_size"] // self.config["num_attention_heads"]
        scores = self.node("MatMul", [query, key], [name + ".dots"])
        scores = self.node("Mul", [scores, self.constant("scale", numpy.array(width**-0.5, numpy.float32))], [name + ".scores"])
        scores = self.node("Add", [scores, "mask"], [name + ".masked"])
        weights = self.node("Softmax", [scores], [name + ".weights"], axis=-1)
        context = self.node("MatMul", [weights, value], [name + ".heads_context"])
        context = self.node("Transpose", [context], [name + ".turned_context"], perm=[0, 2, 1, 3])
        joined = self.constant("join", numpy.array([0, 0, self.config["hidden_size"]], numpy.int64))
        context = self.node("Reshape", [context, joined], [name + ".context"])
        out = self.linear(context, f"{name}.attention.output.dense", name + ".projected")
        a = self.norm(self.node("Add", [out, x], [name + ".a_sum"]), f"{name}.attention.output.LayerNorm", name + ".a")
        inner = self.linear(a, f"{name}.intermediate.dense", name + ".inner")
        inner = self.node("Gelu", [inner], [name + ".gelu"])
        out = self.linear(inner, f"{name}.output.dense", name + ".out")
        return self.norm(self.node("Add", [out, a], [name + ".y_sum"]), f"{name}.output.LayerNorm", name + ".y")


def build(directory, plain):
    config = json.loads((directory / "config.json").read_text())
    graph = (PlainGraph if plain else Graph)(read_weights(directory), config)
    x = graph.embed()
    for index in range(config["num_hidden_layers"]):
        x = graph.layer(x, index)
    graph.constant("zero", numpy.array(0, numpy.int64))
    first = graph.node("Gather", [x, "zero"], ["first"], axis=1)
    for name, out in (("bert.pooler.dense", "pooled"), ("classifier", "logits")):
        inputs = [first, graph.weight(name + ".weight"), graph.weight(name + ".bias")]
        first = graph.node("Gemm", inputs, [out], transB=1)
        if out == "pooled":
            first = graph.node("Tanh", [first], ["activated"])
    ids = [helper.make_tensor_value_info(n, TensorProto.INT32, ["batch", "length"])
           for n in ("input_ids", "token_type_ids", "attention_mask")]
    logits = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", None])]
    made = helper.make_graph(graph.nodes, "bert", ids, logits, graph.constants)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=10)


if __name__ == "__main__":
    # A protocol buffer ends at 2 GB: larger weights stand beside it.
    onnx.save(build(pathlib.Path(sys.argv[1]), "--plain" in sys.argv), sys.argv[2],
              save_as_external_data="--external" in sys.argv, location=pathlib.Path(sys.argv[2]).name + ".data")
