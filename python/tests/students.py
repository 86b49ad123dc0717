"""Small Hugging Face students of the made-up teacher."""

from __future__ import annotations

import rows
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig


def tiny(tied: bool = True, seed: int = 0, **changes: object) -> torch.nn.Module:
    """A Llama of two layers over the made-up teacher's vocabulary."""
    torch.manual_seed(seed)
    config: PretrainedConfig = LlamaConfig(
        vocab_size=rows.VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=tied,
        **changes,
    )
    return AutoModelForCausalLM.from_config(config, attn_implementation="eager")
