"""Makes the tables under src/test/resources/config-mutations: what each key of a config.json does in transformers.

Usage: python make_config_mutations.py OUTPUT_DIRECTORY [FAMILY ...] [--why]
With --why, rows that fail say with what message.

A family's table is one JSON object:
  keys     names that the family's configuration class has a field for, or that the parameters of generation have
  tensors  {"layers", "tensors": [[name, extent, ...]]}: what a checkpoint holds, as files name it; a * stands for each layer's number
  logits   log-probabilities at POSITIONS of IDS, computed in float64
  base     {"config", "tensors", "logits"}: the configuration that is changed
  rows     [{"key", "set", "remove", "outcome", "tensors", "logits"}]: the base with keys set or removed, and what came of it:
           "same"      the logits of the base
           "differs"   other logits
           "disagree"  one setting spelt twice, with two values, of which transformers takes one in silence
           "fails"     transformers does not load it, or does not use every tensor
"tensors" and "logits" of base and rows are places in the lists of those names. Weights follow from a tensor's name (see weights
below), so that none are stored. Keys are taken from the class itself; for every one of them there is at least one row, and one
that sets it to null.
"""

import copy
import dataclasses
import json
import pathlib
import sys
import tempfile

import numpy
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
from transformers.activations import ACT2FN
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
POSITIONS = [4, 11]
SAME = 1e-5

SIZES = dict(
    vocab_size=23,
    hidden_size=32,
    intermediate_size=20,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=32,
)
LLAMA = dict(SIZES, num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=100.0, tie_word_embeddings=True)
BASES = {
    "llama": LLAMA,
    "mistral": dict(LLAMA, sliding_window=None),
    "qwen2": LLAMA,
    "qwen3": dict(LLAMA, head_dim=8),
    "gpt2": dict(vocab_size=23, n_positions=32, n_embd=32, n_layer=3, n_head=4),
    "gpt_neox": dict(SIZES, rotary_pct=0.5, rotary_emb_base=100, layer_norm_eps=1e-5),
}

LINEAR = dict(rope_type="linear", factor=2.0)
LLAMA3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0)
YARN = dict(rope_type="yarn", factor=4.0)
LONG = dict(rope_type="longrope", factor=4.0, short_factor=[1.0, 1.1, 1.2, 1.3], long_factor=[2.0] * 4)


def rope_rows(half):
    """Rotary settings in every form: [(label, keys to set, keys to remove)]."""
    blocks = [
        {},
        dict(rope_type="default"),
        dict(type="default"),
        dict(factor=8.0),
        dict(rope_type="default", factor=8.0),
        dict(rope_theta=500.0),
        dict(rope_type="default", rope_theta=77),
        dict(rope_theta=None),
        dict(rope_type=None),
        dict(partial_rotary_factor=0.25),
        dict(partial_rotary_factor=1.0),
        dict(partial_rotary_factor=None),
        dict(colour="blue"),
        dict(full_attention=dict(rope_type="default", rope_theta=500.0)),
        LINEAR,
        dict(type="linear", factor=2.0),
        dict(LINEAR, type="linear"),
        dict(LINEAR, type="yarn"),
        dict(LINEAR, factor=1),
        dict(LINEAR, factor=1.0, rope_theta=500.0),
        dict(LINEAR, rope_theta=77),
        dict(LINEAR, partial_rotary_factor=0.5),
        dict(LINEAR, partial_rotary_factor=1.0),
        dict(LINEAR, original_max_position_embeddings=8),
        dict(rope_type="linear"),
        dict(LINEAR, factor=None),
        dict(rope_type="dynamic", factor=2.0),
        dict(rope_type="dynamic", factor=2.0, rope_theta=500.0),
        dict(rope_type="dynamic"),
        LLAMA3,
        dict(LLAMA3, original_max_position_embeddings=8),
        dict(LLAMA3, original_max_position_embeddings=8, rope_theta=50.0),
        dict(LLAMA3, original_max_position_embeddings=None),
        dict(LLAMA3, low_freq_factor=None),
        {key: value for key, value in LLAMA3.items() if key != "high_freq_factor"},
        YARN,
        dict(YARN, original_max_position_embeddings=8),
        dict(YARN, original_max_position_embeddings=None),
        dict(YARN, original_max_position_embeddings=8, rope_theta=50.0),
        dict(YARN, original_max_position_embeddings=8, factor=None),
        dict(YARN, original_max_position_embeddings=8, attention_factor=1.5),
        dict(YARN, original_max_position_embeddings=8, attention_factor=None),
        dict(YARN, original_max_position_embeddings=8, beta_fast=2.0, beta_slow=0.5),
        dict(YARN, original_max_position_embeddings=8, beta_fast=None, beta_slow=0),
        dict(YARN, original_max_position_embeddings=8, mscale=0.8, mscale_all_dim=0.4),
        dict(YARN, original_max_position_embeddings=8, mscale=0.8),
        dict(YARN, original_max_position_embeddings=8, mscale=0.8, mscale_all_dim=0),
        dict(YARN, original_max_position_embeddings=8, truncate=False),
        dict(YARN, original_max_position_embeddings=8, truncate=True),
        dict(YARN, original_max_position_embeddings=8, truncate=None),
        dict(YARN, original_max_position_embeddings=8, partial_rotary_factor=0.5),
        dict(rope_type="yarn"),
        dict(LONG, short_factor=LONG["short_factor"][:half], long_factor=LONG["long_factor"][:half]),
        dict(rope_type="proportional"),
        dict(rope_type="proportional", partial_rotary_factor=0.5),
        dict(rope_type="su", factor=2.0),
        "linear",
        [],
        7,
    ]
    rows = [("rope_parameters", {"rope_parameters": None}, []), ("rope_scaling", {"rope_scaling": None}, [])]
    for block in blocks:
        for key in ("rope_parameters", "rope_scaling"):
            rows.append((key, {key: block}, []))
        if block in (dict(rope_type="default"), LINEAR, LLAMA3, YARN):
            rows.append(("rope_theta", {"rope_parameters": dict(block, rope_theta=50.0)}, ["rope_theta", "rotary_emb_base"]))
    both = dict(LINEAR, rope_theta=100.0)
    rows += [
        ("rope_scaling", {"rope_scaling": both, "rope_parameters": both}, []),
        ("rope_scaling", {"rope_scaling": LINEAR, "rope_parameters": dict(type="linear", factor=2)}, []),
        ("rope_scaling", {"rope_scaling": both, "rope_parameters": dict(both, factor=3.0)}, []),
        ("rope_scaling", {"rope_scaling": {}, "rope_parameters": both}, []),
        ("original_max_position_embeddings", {"original_max_position_embeddings": 8}, []),
        ("original_max_position_embeddings", {"original_max_position_embeddings": 8, "rope_scaling": LINEAR}, []),
        ("original_max_position_embeddings", {"original_max_position_embeddings": 8, "rope_scaling": YARN}, []),
        ("original_max_position_embeddings", {"original_max_position_embeddings": 8, "rope_scaling": LLAMA3}, []),
        ("original_max_position_embeddings", {"original_max_position_embeddings": None, "rope_scaling": YARN}, []),
        (
            "original_max_position_embeddings",
            {
                "original_max_position_embeddings": 8,
                "rope_scaling": dict(YARN, original_max_position_embeddings=16),
            },
            [],
        ),
        (
            "original_max_position_embeddings",
            {
                "original_max_position_embeddings": 8,
                "rope_parameters": dict(YARN, original_max_position_embeddings=8),
            },
            [],
        ),
        ("partial_rotary_factor", {"partial_rotary_factor": 0.5}, []),
        ("partial_rotary_factor", {"partial_rotary_factor": 0.25}, []),
        ("partial_rotary_factor", {"partial_rotary_factor": 1.0}, []),
        ("partial_rotary_factor", {"partial_rotary_factor": 0.5, "rope_scaling": LINEAR}, []),
        ("partial_rotary_factor", {"partial_rotary_factor": 1.0, "rope_scaling": LINEAR}, []),
        ("partial_rotary_factor", {"partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.25}}, []),
        ("rotary_pct", {"rotary_pct": 0.25}, []),
        ("rotary_pct", {"rotary_pct": 1.0}, []),
        ("rotary_pct", {"rotary_pct": 0.25, "rope_parameters": {"partial_rotary_factor": 0.5}}, []),
        ("rotary_pct", {}, ["rotary_pct"]),
        ("rotary_emb_base", {"rotary_emb_base": 500}, []),
        ("rotary_emb_base", {"rotary_emb_base": 500, "rope_parameters": {"rope_theta": 100}}, []),
        ("rotary_emb_base", {}, ["rotary_emb_base"]),
        ("rope_theta", {"rope_theta": 500.0}, []),
        ("rope_theta", {"rope_theta": 500}, ["rotary_emb_base"]),
        ("rope_theta", {"rope_theta": None}, []),
        ("rope_theta", {"rope_theta": 100.0, "rope_parameters": {"rope_theta": 500.0}}, []),
        ("rope_theta", {"rope_theta": 100.0, "rope_parameters": {"rope_theta": 100.0}}, []),
        ("rope_theta", {}, ["rope_theta"]),
        ("rope_type", {"rope_type": "linear", "factor": 2.0}, []),
        ("head_dim", {"head_dim": 8}, []),
        ("head_dim", {"head_dim": 16}, []),
        ("head_dim", {"head_dim": 9}, []),
        ("head_dim", {"head_dim": None}, []),
        ("head_dim", {}, ["head_dim"]),
    ]
    return rows


SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
FULL = ["full_attention"] * 3

WINDOWS = [
    ("sliding_window", {"sliding_window": 3}, []),
    ("sliding_window", {"sliding_window": 16}, []),
    ("sliding_window", {"sliding_window": 0}, []),
    ("sliding_window", {"sliding_window": None}, []),
    ("sliding_window", {}, ["sliding_window"]),
    ("sliding_window", {"sliding_window": 3, "use_sliding_window": True}, []),
    ("use_sliding_window", {"use_sliding_window": True}, []),
    ("use_sliding_window", {"use_sliding_window": True, "max_window_layers": 1}, []),
    ("use_sliding_window", {"use_sliding_window": False, "sliding_window": 3}, []),
    ("use_sliding_window", {"use_sliding_window": True, "sliding_window": None, "max_window_layers": 1}, []),
    ("max_window_layers", {"max_window_layers": 1}, []),
    ("max_window_layers", {"max_window_layers": 1, "use_sliding_window": True, "sliding_window": 3}, []),
    ("max_window_layers", {"max_window_layers": 0, "use_sliding_window": True, "sliding_window": 3}, []),
    ("max_window_layers", {"max_window_layers": 9, "use_sliding_window": True, "sliding_window": 3}, []),
    ("layer_types", {"layer_types": None}, []),
    ("layer_types", {"layer_types": FULL}, []),
    ("layer_types", {"layer_types": ["attention"] * 3}, []),
    ("layer_types", {"layer_types": SLIDING}, []),
    ("layer_types", {"layer_types": FULL[1:]}, []),
    ("layer_types", {"layer_types": SLIDING, "sliding_window": 3}, []),
    ("layer_types", {"layer_types": SLIDING, "sliding_window": 3, "use_sliding_window": True}, []),
    ("layer_types", {"layer_types": FULL, "sliding_window": 3, "use_sliding_window": True}, []),
    ("layer_types", {"layer_types": FULL, "sliding_window": None, "use_sliding_window": True}, []),
    ("layer_types", {"layer_types": ["mamba", "full_attention", "full_attention"]}, []),
    ("layer_types", {"layer_types": ["chunked_attention"] * 3, "attention_chunk_size": 3}, []),
    ("attention_chunk_size", {"attention_chunk_size": 3}, []),
]

# Those without weights of their own; gelu_10 cuts off at 10, which these models do not come near.
ACTIVATIONS = [name for name in ACT2FN if name not in ("prelu", "xielu", "gelu_10")]

COMMON = (
    WINDOWS
    + [
        ("is_causal", {"is_causal": False}, []),
        ("is_causal", {"is_causal": True}, []),
        ("is_decoder", {"is_decoder": True}, []),
        ("is_decoder", {"is_decoder": False}, []),
        ("is_encoder_decoder", {"is_encoder_decoder": True}, []),
        ("add_cross_attention", {"add_cross_attention": False}, []),
        ("cross_attention_hidden_size", {"cross_attention_hidden_size": 12}, []),
        ("quantization_config", {"quantization_config": {"quant_method": "gptq", "bits": 4}}, []),
        ("quantization_config", {"quantization_config": None}, []),
        ("transformers_weights", {"transformers_weights": "model.safetensors"}, []),
        ("transformers_weights", {"transformers_weights": "other.safetensors"}, []),
        ("transformers_weights", {"transformers_weights": None}, []),
        ("kv_sharing_modes", {"kv_sharing_modes": ["reuse"] * 3}, []),
        ("fusion_config", {"fusion_config": {}}, []),
        ("fusion_config", {"fusion_config": {"no_such_fusion": True}}, []),
        ("per_layer_config", {"per_layer_config": {"1": {"vocab_size": 23}}}, []),
        ("per_layer_config", {"per_layer_config": {"1": {}}}, []),
        ("per_layer_config", {"per_layer_config": {"1": {"initializer_range": 0.1}}}, []),
        ("per_layer_config", {"per_layer_config": {}}, []),
        ("per_layer_config", {"per_layer_config": None}, []),
        ("attribute_map", {"attribute_map": {"rms_norm_eps": "initializer_range", "layer_norm_eps": "initializer_range"}}, []),
        ("text_config", {"text_config": {"rms_norm_eps": 0.5, "sliding_window": 3}}, []),
        ("decoder", {"decoder": {"rms_norm_eps": 0.5}}, []),
        ("generator", {"generator": {"rms_norm_eps": 0.5}}, []),
        ("attention_bias", {"attention_bias": True}, []),
        ("attention_bias", {"attention_bias": False}, []),
        ("mlp_bias", {"mlp_bias": True}, []),
        ("mlp_bias", {"mlp_bias": False}, []),
        ("architectures", {"architectures": None}, []),
        ("architectures", {"architectures": ["SomethingElse"]}, []),
        ("architectures", {"architectures": []}, []),
        ("auto_map", {"auto_map": {"AutoModelForCausalLM": "modeling_other.OtherForCausalLM"}}, []),
        ("attn_implementation", {"attn_implementation": "sdpa"}, []),
        ("_attn_implementation", {"_attn_implementation": "eager"}, []),
        ("output_attentions", {"output_attentions": True}, []),
        ("output_hidden_states", {"output_hidden_states": True}, []),
        ("return_dict", {"return_dict": False}, []),
        ("use_cache", {"use_cache": False}, []),
        ("dtype", {"dtype": "float32"}, []),
        ("dtype", {"dtype": "bfloat16"}, []),
        ("dtype", {"dtype": None}, []),
        ("torch_dtype", {"torch_dtype": "float16"}, []),
        ("torch_dtype", {"torch_dtype": "float32", "dtype": "float32"}, []),
        ("torch_dtype", {"torch_dtype": "float32", "dtype": "bfloat16"}, []),
        ("id2label", {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}, []),
        ("label2id", {"label2id": {"a": 0}}, []),
        ("problem_type", {"problem_type": "regression"}, []),
        ("num_labels", {"num_labels": 5}, []),
        ("transformers_version", {"transformers_version": "4.30.0"}, []),
        ("name_or_path", {"name_or_path": "somebody/something"}, []),
        ("_name_or_path", {"_name_or_path": "somebody/something"}, []),
        ("bos_token_id", {"bos_token_id": 5}, []),
        ("bos_token_id", {"bos_token_id": -1}, []),
        ("bos_token_id", {"bos_token_id": None}, []),
        ("bos_token_id", {"bos_token_id": 23}, []),
        ("eos_token_id", {"eos_token_id": 5}, []),
        ("eos_token_id", {"eos_token_id": [5, 6]}, []),
        ("eos_token_id", {"eos_token_id": -1}, []),
        ("eos_token_id", {"eos_token_id": 100}, []),
        ("pad_token_id", {"pad_token_id": 5}, []),
        ("pad_token_id", {"pad_token_id": 0}, []),
        ("pad_token_id", {"pad_token_id": -1}, []),
        ("tie_word_embeddings", {"tie_word_embeddings": True}, []),
        ("tie_word_embeddings", {"tie_word_embeddings": False}, []),
        ("tie_word_embeddings", {}, ["tie_word_embeddings"]),
        ("hidden_size", {"hidden_size": 16}, []),
        ("hidden_size", {"hidden_size": 64}, []),
        ("intermediate_size", {"intermediate_size": 12}, []),
        ("num_hidden_layers", {"num_hidden_layers": 2}, []),
        ("num_hidden_layers", {"num_hidden_layers": 4}, []),
        ("num_attention_heads", {"num_attention_heads": 2}, []),
        ("num_attention_heads", {"num_attention_heads": 8}, []),
        ("num_key_value_heads", {"num_key_value_heads": 1}, []),
        ("num_key_value_heads", {"num_key_value_heads": 4}, []),
        ("num_key_value_heads", {"num_key_value_heads": None}, []),
        ("num_key_value_heads", {}, ["num_key_value_heads"]),
        ("vocab_size", {"vocab_size": 24}, []),
        ("max_position_embeddings", {"max_position_embeddings": 16}, []),
        ("max_position_embeddings", {"max_position_embeddings": 64}, []),
        ("rms_norm_eps", {"rms_norm_eps": 0.5}, []),
        ("rms_norm_eps", {}, ["rms_norm_eps"]),
        ("layer_norm_eps", {"layer_norm_eps": 0.5}, []),
        ("layer_norm_eps", {}, ["layer_norm_eps"]),
        ("layer_norm_epsilon", {"layer_norm_epsilon": 0.5}, []),
        ("norm_eps", {"norm_eps": 0.5}, []),
        ("initializer_range", {"initializer_range": 0.5}, []),
        ("pretraining_tp", {"pretraining_tp": 2}, []),
        ("attention_dropout", {"attention_dropout": 0.5}, []),
        ("hidden_dropout", {"hidden_dropout": 0.5}, []),
        ("classifier_dropout", {"classifier_dropout": 0.5}, []),
        ("chunk_size_feed_forward", {"chunk_size_feed_forward": 2}, []),
        ("use_parallel_residual", {"use_parallel_residual": False}, []),
        ("use_parallel_residual", {"use_parallel_residual": True}, []),
        ("resid_pdrop", {"resid_pdrop": 0.5}, []),
        ("embd_pdrop", {"embd_pdrop": 0.5}, []),
        ("attn_pdrop", {"attn_pdrop": 0.5}, []),
        ("summary_type", {"summary_type": "mean"}, []),
        ("summary_use_proj", {"summary_use_proj": False}, []),
        ("summary_activation", {"summary_activation": "tanh"}, []),
        ("summary_proj_to_labels", {"summary_proj_to_labels": False}, []),
        ("summary_first_dropout", {"summary_first_dropout": 0.5}, []),
        ("scale_attn_weights", {"scale_attn_weights": False}, []),
        ("scale_attn_weights", {"scale_attn_weights": True}, []),
        ("scale_attn_by_inverse_layer_idx", {"scale_attn_by_inverse_layer_idx": True}, []),
        ("scale_attn_by_inverse_layer_idx", {"scale_attn_by_inverse_layer_idx": False}, []),
        ("reorder_and_upcast_attn", {"reorder_and_upcast_attn": True}, []),
        ("n_positions", {"n_positions": 16}, []),
        ("n_ctx", {"n_ctx": 16}, []),
        ("n_embd", {"n_embd": 16}, []),
        ("n_layer", {"n_layer": 2}, []),
        ("n_head", {"n_head": 2}, []),
        ("n_inner", {"n_inner": 40}, []),
        ("n_inner", {"n_inner": None}, []),
        ("n_inner", {"n_inner": 128}, []),
        ("intermediate_size", {"intermediate_size": None}, []),
        ("no_such_key", {"no_such_key": 7}, []),
        ("final_logit_softcapping", {"final_logit_softcapping": 3.0}, []),
        ("attn_logit_softcapping", {"attn_logit_softcapping": 3.0}, []),
        ("logit_scale", {"logit_scale": 2.0}, []),
        ("logits_scaling", {"logits_scaling": 2.0}, []),
        ("embedding_multiplier", {"embedding_multiplier": 2.0}, []),
        ("residual_multiplier", {"residual_multiplier": 2.0}, []),
        ("attention_multiplier", {"attention_multiplier": 0.1}, []),
        ("query_pre_attn_scalar", {"query_pre_attn_scalar": 4}, []),
        ("clip_qkv", {"clip_qkv": 0.1}, []),
        ("use_qk_norm", {"use_qk_norm": True}, []),
        ("qkv_bias", {"qkv_bias": False}, []),
        ("no_rope_layers", {"no_rope_layers": [0, 1]}, []),
        ("num_experts", {"num_experts": 4}, []),
        ("alibi", {"alibi": True}, []),
        ("use_mrope", {"use_mrope": True}, []),
        ("gradient_checkpointing", {"gradient_checkpointing": True}, []),
        ("tie_last_hidden_states", {"tie_last_hidden_states": False}, []),
        ("default_theta", {"default_theta": 7.0}, []),
        ("num_heads", {"num_heads": 2}, []),
        ("pruned_heads", {"pruned_heads": {"0": [1]}}, []),
        ("torchscript", {"torchscript": True}, []),
        ("task_specific_params", {"task_specific_params": {"text-generation": {"max_length": 50}}}, []),
    ]
    + [("activation", {key: name}, []) for key in ("hidden_act", "activation_function") for name in ACTIVATIONS]
    + [("hidden_act", {}, ["hidden_act"]), ("activation_function", {}, ["activation_function"])]
)

OWN = {
    "gpt2": [
        ("add_cross_attention", {"add_cross_attention": True}, []),
        ("n_embd", {"n_embd": 32, "hidden_size": 32}, []),
        ("n_embd", {"n_embd": 32, "hidden_size": 16}, []),
        ("n_head", {"n_head": 4, "num_attention_heads": 2}, []),
        ("n_head", {"num_attention_heads": 2}, ["n_head"]),
        ("n_head", {"num_attention_heads": 4}, ["n_head"]),
        ("n_layer", {"num_hidden_layers": 2}, ["n_layer"]),
        ("n_layer", {"n_layer": 3, "num_hidden_layers": 3}, []),
        ("n_positions", {"max_position_embeddings": 16}, ["n_positions"]),
        ("n_positions", {"n_positions": 32, "max_position_embeddings": 16}, []),
        ("n_embd", {"hidden_size": 16}, ["n_embd"]),
        ("n_positions", {}, ["n_positions"]),
        ("n_head", {"n_head": 5}, []),
    ],
    "mistral": [
        ("layer_types", {"layer_types": SLIDING, "sliding_window": 4}, []),
        ("layer_types", {"layer_types": SLIDING, "sliding_window": 4, "head_dim": 8}, []),
        ("layer_types", {"layer_types": None, "head_dim": 8}, []),
        ("per_layer_config", {"per_layer_config": {"1": {"rms_norm_eps": 0.5}}}, []),
    ],
    "llama": [
        ("per_layer_config", {"per_layer_config": {"1": {"rms_norm_eps": 0.5}}}, []),
        ("per_layer_config", {"per_layer_config": {"1": {"rms_norm_eps": 1e-5}}}, []),
        ("head_dim", {"head_dim": 6}, []),
        ("hidden_size", {"num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 8}, []),
    ],
    "qwen2": [("hidden_size", {"num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 8}, [])],
    "gpt_neox": [
        ("rotary_pct", {"rotary_pct": 0.0}, []),
        ("rotary_pct", {"rotary_pct": 0.4}, []),
        ("rotary_pct", {"rotary_pct": 1.5}, []),
        ("head_dim", {"head_dim": 4}, []),
        ("rope_theta", {"rope_theta": 500.0, "rotary_emb_base": 500}, []),
    ],
}


# Pairs of names for one setting; within the blocks of rotary settings, too.
SPELLINGS = [("n_embd", "hidden_size"), ("n_head", "num_attention_heads"), ("n_layer", "num_hidden_layers")]
SPELLINGS += [("n_positions", "max_position_embeddings"), ("dtype", "torch_dtype")]


def disagree(family, config):
    """Whether a setting stands there twice with two values, of which one counts."""
    absent = object()

    def differ(one, other):
        return absent not in (one, other) and None not in (one, other) and one != other

    if any(
        differ(config.get(one, absent), config.get(other, absent))
        for one, other in SPELLINGS
        if family == "gpt2" or one == "dtype"
    ):
        return True
    blocks = [config[key] for key in ("rope_scaling", "rope_parameters") if isinstance(config.get(key), dict) and config[key]]
    if family == "gpt2" or not blocks:
        return False
    if len(blocks) == 2 and [dict(block, type=0, rope_type=block.get("rope_type", block.get("type"))) for block in blocks][
        0
    ] != dict(blocks[1], type=0, rope_type=blocks[1].get("rope_type", blocks[1].get("type"))):
        return True
    block = blocks[0]
    theta, share = ("rotary_emb_base", "rotary_pct") if family == "gpt_neox" else ("rope_theta", "partial_rotary_factor")
    kind = block.get("rope_type", block.get("type", "default"))
    return (
        differ(block.get("rope_type", absent), block.get("type", absent))
        or differ(block.get("rope_theta", absent), config.get(theta, absent))
        or (
            differ(block.get("partial_rotary_factor", absent), config.get(share, absent))
            and (family == "gpt_neox" or kind != "default")
        )
        or (
            kind in ("yarn", "llama3")
            and differ(block.get("original_max_position_embeddings", absent), config.get("original_max_position_embeddings", absent))
        )
    )


def pattern(tensors):
    """Tensors with a * for the number of a layer, where all layers have one alike."""
    layers = 1 + max((int(part) for name, *_ in tensors for part in name.split(".") if part.isdigit()), default=-1)
    found = []
    for name, *shape in tensors:
        starred = [".".join("*" if part.isdigit() else part for part in name.split(".")), *shape]
        if starred not in found:
            found.append(starred)
    spread = [name.replace("*", str(layer)) for name, *_ in found for layer in range(layers if "*" in name else 1)]
    assert sorted(spread) == sorted(name for name, *_ in tensors)
    return {"layers": layers, "tensors": found}


def weights(name, shape):
    """Numbers that follow from a tensor's name: a hash of each element's index, in [-0.5, 0.5); norms lie about 1."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint32) * numpy.uint32(0x9E3779B9) + numpy.uint32(seed)
    x ^= x >> numpy.uint32(16)
    x *= numpy.uint32(0x85EBCA6B)
    x ^= x >> numpy.uint32(13)
    x *= numpy.uint32(0xC2B2AE35)
    x ^= x >> numpy.uint32(16)
    values = (x >> numpy.uint32(12)).astype(numpy.float64) / 2**20 - 0.5
    if len(shape) == 1 and name.endswith(".weight"):
        values = 1 + values / 2
    return torch.from_numpy(values.astype(numpy.float32)).reshape(tuple(shape))


def tensors_of(config):
    """Names and shapes of a checkpoint's tensors, as files name them; a tied matrix once."""
    model = AutoModelForCausalLM.from_config(config)
    tied = set(model.all_tied_weights_keys) if hasattr(model, "all_tied_weights_keys") else set()
    return [
        [("embed_out.weight" if config.model_type == "gpt_neox" and name == "lm_head.weight" else name), *tensor.shape]
        for name, tensor in model.state_dict().items()
        if name not in tied
    ]


def compute(family, config, tensors):
    """Log-probabilities at the positions, in float64, or the failure as a string."""
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "config.json").write_text(json.dumps(dict(config, model_type=family)))
        try:
            if tensors is None:
                tensors = tensors_of(AutoConfig.from_pretrained(directory))
        except Exception as e:
            return None, f"{type(e).__name__}: {e}".splitlines()[0][:120]
        save_file({name: weights(name, shape) for name, *shape in tensors}, directory / "model.safetensors", {"format": "pt"})
        # This option casts to float32, and does not run in float64.
        dtype = torch.float32 if config.get("reorder_and_upcast_attn") else torch.float64
        try:
            model, loading = AutoModelForCausalLM.from_pretrained(
                directory, dtype=dtype, attn_implementation="eager", output_loading_info=True
            )
            left = {key: sorted(map(str, value)) for key, value in loading.items() if value}
            if left:
                return tensors, f"loading: {left}"[:120]
            model.eval()
            with torch.no_grad():
                output = model(torch.tensor([IDS]))
            logits = output[0] if isinstance(output, tuple) else output.logits
            rows = torch.log_softmax(logits[0, POSITIONS].double(), -1)
            if not bool(torch.isfinite(rows).all()):
                return tensors, "not finite"
            return tensors, rows
        except Exception as e:
            return tensors, f"{type(e).__name__}: {e}".splitlines()[0][:120]


def class_keys(family):
    names = [field.name for field in dataclasses.fields(CONFIG_MAPPING[family])]
    return sorted(names + list(CONFIG_MAPPING[family].attribute_map) + ["per_layer_config"])


def make(family):
    base = BASES[family]
    sets = []
    goldens = []

    def index(tensors):
        starred = pattern(tensors)
        if starred not in sets:
            sets.append(starred)
        return sets.index(starred)

    def golden(rows):
        for i, other in enumerate(goldens):
            if other.shape == rows.shape and bool((other - rows).abs().max() < SAME):
                return i
        goldens.append(rows)
        return len(goldens) - 1

    base_tensors, base_rows = compute(family, base, None)
    assert not isinstance(base_rows, str), base_rows
    cases = COMMON + OWN.get(family, []) + rope_rows(2 if family == "gpt_neox" else 4)
    covered = {name for _, changes, removed in cases for name in [*changes, *removed]}
    keys = class_keys(family)
    cases = cases + [(key, {key: None}, []) for key in keys]
    assert not set(keys) - covered, f"{family}: no row for {sorted(set(keys) - covered)}"
    table = []
    seen = set()
    for key, changes, removed in cases:
        config = copy.deepcopy(base)
        config.update(copy.deepcopy(changes))
        removed = [name for name in removed if config.pop(name, None) is not None or name in base]
        if not changes and not removed:
            continue
        identity = json.dumps([changes, removed], sort_keys=True)
        if identity in seen:
            continue
        seen.add(identity)
        tensors, rows = compute(family, config, None)
        row = {"key": key, "set": changes, "remove": removed}
        if isinstance(rows, str):
            row.update(outcome="fails", tensors=index(tensors or base_tensors))
            if "--why" in sys.argv:
                row["why"] = rows
        else:
            same = tensors == base_tensors and bool((rows - base_rows).abs().max() < SAME)
            outcome = "disagree" if disagree(family, config) else "same" if same else "differs"
            row.update(outcome=outcome, tensors=index(tensors), logits=golden(rows))
        table.append(row)
    effective = {name for row in table if row["outcome"] == "differs" for name in [*row["set"], *row["remove"]]}
    counts = {outcome: sum(row["outcome"] == outcome for row in table) for outcome in ("same", "differs", "disagree", "fails")}
    print(f"{family}: {counts}; without effect in any row: {sorted(set(keys) - effective)}")
    return {
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "keys": keys,
        "generation_keys": sorted(GenerationConfig._get_default_generation_params()),
        "ids": IDS,
        "positions": POSITIONS,
        "tensors": sets,
        "base": {"config": dict(base, model_type=family), "tensors": index(base_tensors), "logits": golden(base_rows)},
        "logits": [[[round(value, 6) for value in row] for row in rows.tolist()] for rows in goldens],
        "rows": table,
    }


def written(table):
    """One row a line, so that a change shows as the rows that changed."""
    compact = lambda value: json.dumps(value, separators=(",", ":"))
    lists = ("tensors", "logits", "rows")
    lines = ["{"] + [f'"{key}":{compact(value)},' for key, value in table.items() if key not in lists]
    for key in lists:
        lines += [f'"{key}":[', ",\n".join(map(compact, table[key])), "]}" if key == "rows" else "],"]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: make_config_mutations.py OUTPUT_DIRECTORY [FAMILY ...]")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for family in [name for name in sys.argv[2:] if name != "--why"] or BASES:
        (directory / f"{family}.json").write_text(written(make(family)))


main()
