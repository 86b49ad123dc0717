"""Makes the tiny random checkpoints under src/test/resources/golden, with logits that transformers computes from them.

Made with Python 3.11, torch 2.7.1, transformers 5.23.0, safetensors 0.8.0 (see README.md beside this file).
Usage: python make_golden_checkpoints.py OUTPUT_DIRECTORY

Each checkpoint has a `golden.json`:
  sequences             [{"ids": [n], "logits": [n][vocab]}], 8 digits, computed in float64 from the weights as stored
  inverse_frequencies   [rotary dimensions / 2] as transformers computes them, float32; [] for learned positions
  attention_scale       the factor on cosines and sines
RMS norms and rotary tables are computed in float32 by transformers even then, so logits agree to about 1e-5, not to 1e-12.
"""

import json
import pathlib
import shutil
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM
from transformers import GPT2Config, GPTNeoXConfig, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

SEED = 20260117
BASE = dict(
    vocab_size=61,
    hidden_size=32,
    intermediate_size=28,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    bos_token_id=0,
    eos_token_id=1,
)
GPT2 = dict(vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=1)
NEOX = {key: value for key, value in BASE.items() if key not in ("num_key_value_heads", "rms_norm_eps")}
ROPE = dict(BASE, max_position_embeddings=256, head_dim=16, num_attention_heads=2, num_key_value_heads=1)


def rope(rope_type, **values):
    return {"rope_type": rope_type, "rope_theta": 100.0, **values}


CASES = {
    "llama-tied": (LlamaConfig, dict(BASE, tie_word_embeddings=True), {}),
    "llama-untied": (LlamaConfig, dict(BASE, num_key_value_heads=4, eos_token_id=[1, 2]), {}),
    "llama-biases": (LlamaConfig, dict(BASE, attention_bias=True, mlp_bias=True), {}),
    "llama-rope-linear": (LlamaConfig, dict(ROPE, rope_parameters=rope("linear", factor=2.5)), {}),
    "llama-rope-llama3": (
        LlamaConfig,
        dict(
            ROPE,
            rope_parameters=rope(
                "llama3",
                factor=4.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
        ),
        {},
    ),
    "llama-rope-yarn": (
        LlamaConfig,
        dict(ROPE, rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=64)),
        {},
    ),
    "llama-rope-yarn-options": (
        LlamaConfig,
        dict(
            ROPE,
            rope_parameters=rope(
                "yarn",
                factor=4.0,
                original_max_position_embeddings=64,
                beta_fast=4.0,
                beta_slow=0.5,
                mscale=0.8,
                mscale_all_dim=0.4,
                truncate=False,
            ),
        ),
        {},
    ),
    "llama-sharded": (LlamaConfig, dict(BASE, num_hidden_layers=3), {"max_shard_size": "40KB"}),
    "llama-bfloat16": (LlamaConfig, dict(BASE, tie_word_embeddings=True), {"dtype": torch.bfloat16}),
    "llama-float16": (LlamaConfig, dict(BASE, tie_word_embeddings=True), {"dtype": torch.float16}),
    "mistral-window": (MistralConfig, dict(BASE, sliding_window=5), {}),
    "qwen2": (Qwen2Config, dict(BASE, tie_word_embeddings=True), {}),
    "qwen2-windows": (
        Qwen2Config,
        dict(BASE, num_hidden_layers=3, use_sliding_window=True, sliding_window=6, max_window_layers=1),
        {},
    ),
    "qwen3": (Qwen3Config, dict(BASE, head_dim=12, tie_word_embeddings=True), {}),
    "qwen3-biases-windows": (
        Qwen3Config,
        dict(
            BASE,
            head_dim=8,
            attention_bias=True,
            use_sliding_window=True,
            sliding_window=4,
            layer_types=["sliding_attention", "full_attention"],
        ),
        {},
    ),
    # A case added later starts at an index of its own, so that those above keep their random numbers.
    "gpt2": (GPT2Config, GPT2, {"seed": 100}),
    "gpt2-options": (
        GPT2Config,
        dict(GPT2, n_inner=40, activation_function="gelu", tie_word_embeddings=False, layer_norm_epsilon=1e-3),
        {"seed": 101},
    ),
    "gpt-neox": (GPTNeoXConfig, dict(NEOX, rotary_pct=0.25), {"seed": 102}),
    "gpt-neox-options": (
        GPTNeoXConfig,
        dict(
            NEOX,
            rotary_pct=0.5,
            rotary_emb_base=1000,
            use_parallel_residual=False,
            attention_bias=False,
            tie_word_embeddings=True,
            hidden_act="gelu_new",
        ),
        {"seed": 103},
    ),
}


def randomise(model, generator):
    """Weights of a size that makes attention and logits far from uniform, so that a wrong detail shows."""
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            values = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            if name.endswith(".weight") and parameter.dim() == 1:
                values = 1 + 0.2 * values
            else:
                values = 0.3 * values
            parameter.copy_(values)


def numbers(tensor, digits):
    return [float(f"{value:.{digits}g}") for value in tensor.tolist()]


def make(name, directory):
    config_class, settings, options = CASES[name]
    earlier = sorted(case for case in CASES if "seed" not in CASES[case][2])
    seed = options["seed"] if "seed" in options else earlier.index(name)
    generator = torch.Generator().manual_seed(SEED + seed)
    model = AutoModelForCausalLM.from_config(config_class(**settings))
    randomise(model, generator)
    model.to(options.get("dtype", torch.float32))
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory, **{k: v for k, v in options.items() if k == "max_shard_size"})
    (directory / "generation_config.json").unlink(missing_ok=True)

    loaded = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float64, attn_implementation="eager")
    loaded.eval()
    rotary = getattr(loaded.base_model, "rotary_emb", None)
    sequences = []
    for length in (29, 6):
        ids = torch.randint(0, settings["vocab_size"], (1, length), generator=generator)
        with torch.no_grad():
            logits = loaded(ids).logits[0]
        assert logits.dtype == torch.float64 and bool(torch.isfinite(logits).all())
        sequences.append({"ids": ids[0].tolist(), "logits": [numbers(row, 8) for row in logits.float()]})
    golden = {
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "inverse_frequencies": numbers(rotary.inv_freq.float(), 9) if rotary else [],
        "attention_scale": float(rotary.attention_scaling) if rotary else 1.0,
        "sequences": sequences,
    }
    (directory / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    size = sum(file.stat().st_size for file in directory.iterdir())
    print(f"{name}: {size} bytes, {sorted(file.name for file in directory.iterdir())}")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_golden_checkpoints.py OUTPUT_DIRECTORY")
    for name in CASES:
        make(name, pathlib.Path(sys.argv[1]) / name)


main()
