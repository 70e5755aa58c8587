"""Writes a BERT cross-encoder as an ONNX graph of ONNX Runtime's own fused operators, in float32.

    python Benchmarks/export_onnx.py CHECKPOINT_DIRECTORY OUT.onnx

The graph is what ONNX Runtime's transformer optimizer arrives at (Attention, SkipLayerNormalization, BiasGelu), so
that the peer runs at its best. I8 weights with scales are multiplied out, so that both engines have the same values.
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
    return weights


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


def build(directory):
    config = json.loads((directory / "config.json").read_text())
    graph = Graph(read_weights(directory), config)
    tables = ["word_embeddings", "position_embeddings", "token_type_embeddings"]
    inputs = ["input_ids", "token_type_ids"] + [graph.weight(f"bert.embeddings.{t}.weight") for t in tables]
    inputs += [graph.weight(f"bert.embeddings.LayerNorm.{p}") for p in ("weight", "bias")] + ["attention_mask"]
    graph.node("EmbedLayerNormalization", inputs, ["embedded", "lengths"], "com.microsoft",
               epsilon=config["layer_norm_eps"])
    x = "embedded"
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
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=10)


if __name__ == "__main__":
    onnx.save(build(pathlib.Path(sys.argv[1])), sys.argv[2])
