"""Writes a BERT cross-encoder (a sentence-transformers directory) as GGUF, for llama.cpp's server.

usage: gguf_cross_encoder.py MODEL_DIRECTORY OUTPUT.gguf

llama.cpp adds the first row of the segment embeddings to every token, where BERT adds the second one to the document's.
So this is exact only for checkpoints whose two rows are equal; `one_segment` makes such a copy of any checkpoint.
"""

import json
import pathlib
import shutil
import sys

import gguf
import numpy
from safetensors.numpy import load_file, save_file

SEGMENTS = "bert.embeddings.token_type_embeddings.weight"

# Names of llama.cpp's architecture "bert"; the pooler and the classifier are its ranking head.
EMBEDDINGS = {
    "bert.embeddings.word_embeddings.weight": "token_embd.weight",
    "bert.embeddings.position_embeddings.weight": "position_embd.weight",
    SEGMENTS: "token_types.weight",
    "bert.embeddings.LayerNorm": "token_embd_norm",
    "bert.pooler.dense": "cls",
    "classifier": "cls.output",
}
LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def one_segment(directory, copy):
    """A copy of a checkpoint that reads the document's tokens as it reads the query's."""
    shutil.copytree(directory, copy)
    weights = load_file(pathlib.Path(copy) / "model.safetensors")
    weights[SEGMENTS][1] = weights[SEGMENTS][0]
    save_file(weights, pathlib.Path(copy) / "model.safetensors", metadata={"format": "pt"})
    return copy


def gguf_name(name):
    if name in EMBEDDINGS:
        return EMBEDDINGS[name]
    stem, _, kind = name.rpartition(".")
    if stem in EMBEDDINGS:
        return f"{EMBEDDINGS[stem]}.{kind}"
    layer = stem.removeprefix("bert.encoder.layer.")
    number, _, part = layer.partition(".")
    return f"blk.{number}.{LAYER[part]}.{kind}"


def piece(token):
    """WordPiece as llama.cpp has it: the beginning of a word is marked, not its continuation."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def convert(directory, output):
    directory = pathlib.Path(directory)
    config = json.loads((directory / "config.json").read_text())
    vocabulary = json.loads((directory / "tokenizer.json").read_text())["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {name: vocabulary[f"[{name}]"] for name in ("PAD", "UNK", "CLS", "SEP", "MASK")}
    writer = gguf.GGUFWriter(output, "bert")
    writer.add_name(directory.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece(token) for token in tokens])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if vocabulary[token] in special.values() else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_type_count(config["type_vocab_size"])
    # [CLS] query [SEP] document [SEP]
    writer.add_bos_token_id(special["CLS"])
    writer.add_eos_token_id(special["SEP"])
    writer.add_sep_token_id(special["SEP"])
    writer.add_unk_token_id(special["UNK"])
    writer.add_pad_token_id(special["PAD"])
    writer.add_mask_token_id(special["MASK"])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)
    writer.add_add_sep_token(False)
    for name, weights in load_file(directory / "model.safetensors").items():
        if not name.endswith("position_ids"):
            writer.add_tensor(gguf_name(name), weights.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2])
