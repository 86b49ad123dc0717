"""Loads a model directory that Lyne wrote with transformers and prints what it computes. Run by hand (see README.md).

Usage: python load_exported.py DIRECTORY [--ids 1,2,3] [--text "some text"] [--top 5]
Prints one JSON object: class, parameters, stored type, and for the last position of the ids the highest logits and the
log-sum-exp; with a tokenizer.json in the directory also the ids of the text and what they decode to.
"""

import argparse
import json
import pathlib

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--ids", default="")
    parser.add_argument("--text", default="")
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="print the whole logits of every position")
    parser.add_argument("--golden", type=pathlib.Path, help="a golden.json: print the largest difference from its logits")
    arguments = parser.parse_args()
    report = {}
    ids = [int(part) for part in arguments.ids.split(",") if part]
    if (arguments.directory / "tokenizer.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(arguments.directory)
        report["tokenizer"] = {
            "class": type(tokenizer).__name__,
            "vocabulary": len(tokenizer),
            "bos": tokenizer.bos_token,
            "eos": tokenizer.eos_token,
        }
        if arguments.text:
            encoded = tokenizer(arguments.text, add_special_tokens=False)["input_ids"]
            report["text_ids"] = encoded
            report["decoded"] = tokenizer.decode(encoded)
            ids = ids or encoded
    if (arguments.directory / "config.json").exists():
        model, loading = AutoModelForCausalLM.from_pretrained(
            arguments.directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
        model.eval()
        report["model"] = {
            "class": type(model).__name__,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "loading": {key: sorted(map(str, value)) for key, value in loading.items() if value},
        }
        if arguments.golden:
            difference = 0.0
            for sequence in json.loads(arguments.golden.read_text())["sequences"]:
                with torch.no_grad():
                    logits = model(torch.tensor([sequence["ids"]])).logits[0]
                difference = max(difference, (logits - torch.tensor(sequence["logits"])).abs().max().item())
            report["largest_difference_from_golden"] = difference
        if ids:
            with torch.no_grad():
                logits = model(torch.tensor([ids])).logits[0]
            values, indices = logits[-1].topk(min(arguments.top, logits.shape[-1]))
            report["last_position"] = {
                "ids": indices.tolist(),
                "logits": values.tolist(),
                "log_sum_exp": logits[-1].logsumexp(0).item(),
            }
            if arguments.all:
                report["logits"] = logits.tolist()
    print(json.dumps(report, indent=1))


main()
