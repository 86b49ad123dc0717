"""Answers as SGLang gives them, made by its own serialiser functions from the rows of the answers that were recorded from a real vLLM.

    pip download sglang==0.5.23 --no-deps --dest DIR && unzip -d DIR DIR/sglang-*.whl
    pip install numpy pybase64 && python teacher-server/src/test/python/make_sglang_answers.py DIR

SGLang itself runs on no CPU of this kind; only the functions that turn rows into a response are taken out of its source, and run as they are.
Writes sglang-rows-top4.json and sglang-rows-label.json beside the recorded ones.
"""

import ast
import json
import logging
import sys
import typing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pybase64

RESOURCES = Path(__file__).parents[1] / "resources/dev/lyne/teacher/engine"

#: As the tests send it.
TOKENS = [0, 38, 69, 1064, 768, 268, 260, 300]

IN_IO_STRUCT = ("flat_top_logprobs_layout", "build_flat_top_logprobs_arrays")
IN_MANAGER = (
    "_build_flat_top_logprobs_fields",
    "_build_flat_top_logprobs_fields_from_arrays",
    "add_logprob_to_meta_info",
    "detokenize_logprob_tokens",
    "detokenize_top_logprobs_tokens",
)


def functions(file, names, known):
    """Runs the definitions of some functions, in a class or not, of a source file."""
    tree = ast.parse(file.read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in names]
    if {node.name for node in found} != set(names):
        raise SystemExit(f"{file}: {sorted(node.name for node in found)} (expected: {sorted(names)})")
    exec(compile(ast.Module(found, []), str(file), "exec", dont_inherit=True), known)
    return known


def serialiser(directory):
    managers = directory / "sglang/srt/managers"
    known = {**vars(typing), "np": np, "pybase64": pybase64, "logger": logging.getLogger("sglang"), "ReqState": object}
    functions(managers / "io_struct.py", IN_IO_STRUCT, known)
    functions(managers / "tokenizer_manager.py", IN_MANAGER, known)
    return known


def recorded(name):
    choice = json.loads((RESOURCES / name).read_text())["choices"][0]
    labels, best = [], []
    for position, entries in enumerate(choice["prompt_logprobs"][1:], 1):
        rows = sorted((entry["rank"], int(token), entry["logprob"]) for token, entry in entries.items())
        labels.append(next(logprob for _, token, logprob in rows if token == TOKENS[position]))
        best.append([(token, logprob) for rank, token, logprob in rows if rank <= 4])
    last = (choice["logprobs"] or {}).get("top_logprobs") or []
    return labels, best, [(int(token.split(":")[1]), logprob) for token, logprob in (last[0].items() if last else [])]


def answer(known, labels, best, last, k):
    """A response's meta_info, of one request that has finished."""
    from_scheduler = known["build_flat_top_logprobs_arrays"](
        [None, *([logprob for _, logprob in row] for row in best)], [None, *([token for token, _ in row] for row in best)], k
    )
    state = SimpleNamespace(
        obj=SimpleNamespace(
            return_flat_raw_top_logprobs=True, return_flat_raw_top_logprobs_b64=True, return_flat_raw_output_top_logprobs=False
        ),
        input_token_logprobs_val=[None, *labels],
        input_token_logprobs_idx=TOKENS,
        input_token_logprobs=[],
        output_token_logprobs_val=[logprob for _, logprob in last[:1]],
        output_token_logprobs_idx=[token for token, _ in last[:1]],
        output_token_logprobs=[],
        input_top_logprobs_scheduler_flat=from_scheduler,
        input_top_logprobs_flat_fields=None,
        output_top_logprobs_val=[[logprob for _, logprob in last]] if last else [],
        output_top_logprobs_idx=[[token for token, _ in last]] if last else [],
        output_top_logprobs=[],
    )
    manager = SimpleNamespace()
    for name in ("detokenize_logprob_tokens", "detokenize_top_logprobs_tokens"):
        setattr(manager, name, known[name].__get__(manager))
    meta_info = {"id": "a", "finish_reason": {"type": "length", "length": len(last[:1])}, "prompt_tokens": len(TOKENS)}
    known["add_logprob_to_meta_info"](manager, meta_info, state, k, None, False, True)
    return {"text": "", "output_ids": [token for token, _ in last[:1]], "meta_info": meta_info}


def main():
    known = serialiser(Path(sys.argv[1]))
    for name, k in (("rows-top4.json", 4), ("rows-label.json", 0)):
        labels, best, last = recorded(name)
        text = json.dumps(answer(known, labels, best if k else [[] for _ in best], last if k else [], k), separators=(",", ":"))
        (RESOURCES / f"sglang-{name}").write_text(text)


if __name__ == "__main__":
    main()
