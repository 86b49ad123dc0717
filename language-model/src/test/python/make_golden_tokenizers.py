"""Makes tiny tokenizers of the kinds that models have, and writes down what transformers puts around a text with each.

    python make_golden_tokenizers.py ../resources/golden-tokenizers
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

TEXTS = ["the cat sat", "a", "two  words\n", "caf\u00e9 12 \u65e5", ""]
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LINES = ["the cat sat on the mat and the dog sat on the log", "a man, a plan, a canal", "two words and 12 more"] * 4


def byte_level(special, split=None, normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    tokenizer.pre_tokenizer = (
        level
        if split is None
        else pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), behavior="isolated"), level])
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 24 + len(special),
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def byte_fallback():
    """As Llama 2: words begin with a low line, what is not in the vocabulary becomes bytes."""
    seed = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    seed.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    seed.train_from_iterator(
        LINES, trainers.BpeTrainer(vocab_size=len(special) + 60, special_tokens=special, show_progress=False)
    )
    model = json.loads(seed.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Tokenizer(
        models.BPE(vocab=model["vocab"], merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special[:3]])
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def template(tokenizer, before=None, after=None):
    pieces = ([f"{before}:0"] if before else []) + ["$A:0"] + ([f"{after}:0"] if after else [])
    pair = pieces + ([f"{before}:1"] if before else []) + ["$B:1"] + ([f"{after}:1"] if after else [])
    named = sorted({token for token in (before, after) if token})
    return processors.TemplateProcessing(
        single=" ".join(pieces),
        pair=" ".join(pair),
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in named],
    )


END = "<|endoftext|>"
LEVEL = processors.ByteLevel(trim_offsets=False)


def kinds():
    """Name, tokenizer, tokenizer_config.json, further files."""
    llama2 = byte_fallback()
    llama2.post_processor = template(llama2, "<s>")
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    yield "llama2", llama2, names | {"tokenizer_class": "LlamaTokenizer", "legacy": False}, {
        "config.json": {"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2}
    }
    yield "mistral", llama2, names | {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}, {
        "config.json": {"model_type": "mistral", "bos_token_id": 1, "eos_token_id": 2}
    }
    without = byte_fallback()
    without.post_processor = template(without)
    yield "llama2-add-bos-false", without, names | {
        "tokenizer_class": "LlamaTokenizer",
        "add_bos_token": False,
        "legacy": False,
    }, {"config.json": {"model_type": "llama", "eos_token_id": 2}}
    both = byte_fallback()
    both.post_processor = template(both, "<s>", "</s>")
    yield "llama2-add-eos", both, names | {
        "tokenizer_class": "LlamaTokenizer",
        "add_bos_token": True,
        "add_eos_token": True,
        "legacy": False,
    }, {"config.json": {"model_type": "llama", "eos_token_id": 2}}

    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    llama3 = byte_level(special, SPLIT)
    llama3.post_processor = processors.Sequence([LEVEL, template(llama3, special[0])])
    yield "llama3", llama3, {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special[0],
        "eos_token": special[1],
    }, {
        "config.json": {"model_type": "llama", "bos_token_id": 0, "eos_token_id": [1, 2]},
        "generation_config.json": {"eos_token_id": [1, 2]},
    }

    qwen = byte_level([END, "<|im_start|>", "<|im_end|>"], SPLIT.replace("{1,3}", ""), normalizers.NFC())
    qwen.post_processor = LEVEL
    yield "qwen2", qwen, {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_bos_token": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": END,
    }, {
        "config.json": {"model_type": "qwen2", "bos_token_id": 0, "eos_token_id": 2},
        "generation_config.json": {"eos_token_id": [2, 0]},
    }

    plain = byte_level([END])
    yield "smollm2", plain, {
        "tokenizer_class": "GPT2Tokenizer",
        "bos_token": END,
        "eos_token": END,
        "unk_token": END,
    }, {"config.json": {"model_type": "llama", "bos_token_id": 0, "eos_token_id": 0}}
    gpt2 = byte_level([END])
    gpt2.post_processor = LEVEL
    yield "gpt2", gpt2, {"model_max_length": 1024}, {
        "config.json": {"model_type": "gpt2", "bos_token_id": 0, "eos_token_id": 0}
    }
    pythia = byte_level([END, "<|padding|>"], normalizer=normalizers.NFC())
    pythia.post_processor = LEVEL
    neox = {"tokenizer_class": "GPTNeoXTokenizer", "bos_token": END, "eos_token": END, "unk_token": END}
    yield "pythia", pythia, neox, {"config.json": {"model_type": "gpt_neox", "bos_token_id": 0, "eos_token_id": 0}}
    templated = byte_level([END, "<|padding|>"], normalizer=normalizers.NFC())
    templated.post_processor = template(templated, END)
    yield "pythia-template", templated, neox, {"config.json": {"model_type": "gpt_neox", "eos_token_id": 0}}

    fast = {"tokenizer_class": "PreTrainedTokenizerFast"}
    yield "add-bos-false", plain, fast | {"bos_token": END, "eos_token": END, "add_bos_token": False}, {}
    yield "add-bos-true", plain, fast | {"bos_token": END, "eos_token": END, "add_bos_token": True}, {}
    two = byte_level(["<s>", "</s>", "<|im_end|>"])
    two.post_processor = template(two, "<s>")
    yield "map-overrides", two, fast | {"bos_token": "<s>", "eos_token": "</s>"}, {
        "special_tokens_map.json": {"eos_token": "<|im_end|>"}
    }
    decoder = {"1": {"content": "</s>", "special": True}}
    yield "map-without-effect", two, fast | {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "added_tokens_decoder": decoder,
    }, {"special_tokens_map.json": {"eos_token": "<|im_end|>"}}
    roberta = byte_level(["<s>", "</s>"])
    roberta.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    yield "roberta", roberta, fast | {"eos_token": "</s>"}, {}


def golden(directory):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    texts = [
        {
            "text": text,
            "ids": tokenizer(text)["input_ids"],
            "plain": tokenizer(text, add_special_tokens=False)["input_ids"],
        }
        for text in TEXTS
    ]
    return {"class": type(tokenizer).__name__, "eos_token_id": tokenizer.eos_token_id, "texts": texts}


def write(file, value):
    file.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n")


def main(out):
    for name, tokenizer, configuration, files in kinds():
        directory = Path(out) / name
        directory.mkdir(parents=True, exist_ok=True)
        write(directory / "tokenizer.json", json.loads(tokenizer.to_str()))
        write(directory / "tokenizer_config.json", configuration)
        for file, value in files.items():
            write(directory / file, value)
        write(directory / "golden.json", golden(directory))


main(sys.argv[1])
