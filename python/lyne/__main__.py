"""`python -m lyne`: look at a teacher's rows, at what works on this machine, at a capture as a table, and at what the package costs.

Data goes to stdout, all else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lyne.errors import LyneError
from lyne.version import VERSION

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; gives its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except LyneError as e:
        print(f"lyne: {e}", file=sys.stderr)
        return 1
    except ValueError as e:
        print(f"lyne: {e}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 1
    except OSError as e:
        print(f"lyne: {e}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lyne", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"lyne {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    score = commands.add_parser("score", help="the teacher's rows for a text: at each position, what it expects next")
    score.add_argument("text")
    _add_teacher(score, required=True)
    score.add_argument("--tokenizer", required=True, metavar="DIR", help="directory of the teacher's tokenizer.json")
    score.add_argument("--top-k", type=int, default=5, metavar="K", help="entries a row (default: 5)")
    _add_json(score)
    score.set_defaults(command=_score)
    doctor = commands.add_parser("doctor", help="what works here and what does not; with a teacher, whether it answers")
    _add_teacher(doctor, required=False)
    _add_json(doctor)
    doctor.set_defaults(command=_doctor)
    export = commands.add_parser("export", help="a capture in the files of others")
    export.add_argument("capture", metavar="DIR")
    export.add_argument("--to", choices=["parquet", "distillkit", "megatron"], default="parquet")
    export.add_argument("--out", required=True, metavar="PATH", help="a file for parquet, a new directory for the others")
    export.add_argument(
        "--sequences",
        metavar="FILE",
        help="token ids of the sequences, a JSON list a line, or windows.jsonl of `lyne train --export-initial`; parquet can do without,"
        " and then has their hash alone",
    )
    export.add_argument("--global-batch", type=int, metavar="N", help="megatron: sequences of an iteration")
    export.add_argument("--micro-batch", type=int, metavar="N", help="megatron: sequences of a micro-batch")
    export.add_argument("--identifiers", metavar="FILE", help="megatron: JSON of the run's seed, sequence_length, train_samples and blend")
    export.set_defaults(command=_export)
    bench = commands.add_parser("bench", help="the package's own figures, as ratios in one run")
    bench.add_argument("--vocabulary-size", type=int, default=32_768, metavar="V")
    bench.add_argument("--positions", type=int, default=2_048, metavar="N")
    bench.add_argument("--width", type=int, default=512, metavar="D")
    bench.add_argument("--top-k", type=int, default=64, metavar="K")
    bench.add_argument("--pairs", type=int, default=7, metavar="N", help="pairs of steps; their median counts (default: 7)")
    bench.add_argument(
        "--lyne", metavar="FILE", help="the launcher, for figures beside a server and Java's decoder (default: ./lyne of this checkout)"
    )
    _add_json(bench)
    bench.set_defaults(command=_bench)
    return parser


def _add_teacher(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument("--teacher", required=required, metavar="HOST:PORT")
    parser.add_argument("--tls", action="store_true", help="speak TLS, and believe whom gRPC believes")
    parser.add_argument("--tls-ca", metavar="FILE", help="speak TLS, and believe the certificates in this PEM file")
    parser.add_argument("--tls-server-name", metavar="NAME", help="name that the server's certificate must have")
    parser.add_argument("--tls-client-cert", metavar="FILE", help="certificate to show, in PEM, where the server knows callers by it")
    parser.add_argument("--tls-client-key", metavar="FILE", help="its private key, in PEM, not encrypted")
    parser.add_argument("--token-file", metavar="FILE", help="file with the bearer token to show")
    parser.add_argument("--insecure", action="store_true", help="speak plain text to other hosts, too")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON to FILE; - means stdout, where then nothing else goes")


def _client_options(options: argparse.Namespace) -> Any:
    from lyne.client import ClientOptions, Security

    names = ("tls", "tls_ca", "tls_server_name", "token_file", "insecure", "tls_client_cert", "tls_client_key")
    security = Security(**{name: getattr(options, name) for name in names})
    return ClientOptions(student=f"lyne-python {VERSION}", security=security, open_timeout=10.0)


def _report(options: argparse.Namespace, figures: dict[str, Any], lines: list[str]) -> None:
    """Figures as JSON where that is asked for, and lines for people where stdout is free."""
    if options.json != "-":
        print("\n".join(lines))
    if options.json == "-":
        print(json.dumps(figures, indent=1))
    elif options.json is not None:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


def _with_special_tokens(tokenizer: Any, directory: Path, text: str) -> list[int]:
    """Returns a text's tokens with those around it that transformers puts there: the post-processor's, unless the files beside it overrule
    that."""
    plain: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    whole: list[int] = tokenizer.encode(text).ids
    configuration, model = _json_object(directory / "tokenizer_config.json"), _json_object(directory / "config.json")
    declared = str(configuration.get("tokenizer_class") or model.get("tokenizer_class") or "").removesuffix("Fast")
    model_type = model.get("model_type")
    if declared == "GPTNeoXTokenizer" and model_type not in ("mistral", "qwen2"):  # whose tokenizers heed no class
        return plain
    if not declared and model_type == "gpt_neox":
        return plain
    if configuration.get("add_bos_token") is not False:
        return whole
    before = next(at for at in range(len(whole) - len(plain) + 1) if whole[at : at + len(plain)] == plain)
    return whole[before:]


def _json_object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as e:
        raise ValueError(f"{file}: {e} (expected: one JSON object)") from None
    if not isinstance(value, dict):
        raise ValueError(f"{file}: {type(value).__name__} (expected: one JSON object)")
    return value


def _score(options: argparse.Namespace) -> int:
    import numpy as np

    from lyne.client import Expectation, TargetSequence, TeacherClient
    from lyne.wire import TopK

    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ValueError("tokenizers: not installed (expected: pip install tokenizers)") from None
    file = Path(options.tokenizer) / "tokenizer.json"
    if not file.is_file():
        raise ValueError(f"tokenizer: {file}: no such file (expected: a directory with tokenizer.json)")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()  # a stored limit would cut the text, and padding add to it, without a word
    tokenizer.no_padding()
    tokens = np.array(_with_special_tokens(tokenizer, Path(options.tokenizer), options.text), dtype=np.int32)
    if len(tokens) == 0:
        raise ValueError("text: no token (expected: at least one)")
    expectation = Expectation(vocabulary_size=1 + max(tokenizer.get_vocab(with_added_tokens=True).values()))
    with (
        TeacherClient(options.teacher, _client_options(options)) as client,
        client.open(TopK(options.top_k), expectation=expectation) as stream,
    ):
        stream.offer(TargetSequence(0, tokens, np.arange(len(tokens), dtype=np.int32)))
        targets = stream.take()
        teacher = client.describe()
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    for row, position in enumerate(targets.positions.tolist()):
        at = slice(targets.offsets[row], targets.offsets[row + 1])
        top: list[dict[str, Any]] = [
            {"id": int(token), "token": tokenizer.id_to_token(int(token)), "log_probability": float(lp)}
            for token, lp in zip(targets.ids[at], targets.logprobs[at], strict=True)
        ]
        label = float(targets.label_logprob[row]) if position + 1 < len(tokens) else None
        rows.append(
            {
                "position": position,
                "token_id": int(tokens[position]),
                "top": top,
                "log_tail": float(targets.log_tail[row]),
                "label_log_probability": label,
            }
        )
        expected = "  ".join(f"{entry['token']} {np.exp(entry['log_probability']):.3f}" for entry in top)
        lines.append(f"{tokenizer.id_to_token(int(tokens[position])):>16} | {expected}")
    _report(options, {"teacher": teacher.name, "model_sha256": teacher.model_sha256, "rows": rows}, lines)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    import torch

    from lyne.wire import is_native

    def found(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    figures: dict[str, Any] = {
        "lyne": VERSION,
        "python": sys.version.split()[0],
        "native_decoder": is_native(),
        "cargo": shutil.which("cargo"),
        "cuda": torch.cuda.is_available(),
        **{name: found(name) for name in ("torch", "grpcio", "protobuf", "numpy", "transformers", "trl", "accelerate", "pyarrow")},
    }
    ok = is_native()
    if options.teacher is not None:
        from lyne.client import TeacherClient

        try:
            with TeacherClient(options.teacher, _client_options(options)) as client:
                teacher = client.describe()
            figures["teacher"] = {"name": teacher.name, "model_sha256": teacher.model_sha256, "vocabulary_size": teacher.vocabulary_size}
        except LyneError as e:
            figures["teacher"], ok = {"error": str(e)}, False
    lines = [f"{name:>16}  {value if value is not None else '-'}" for name, value in figures.items()]
    if not is_native():
        lines.append("blocks are decoded in pure Python, which is slow (expected: Rust there when lyne is installed)")
    _report(options, figures, lines)
    return 0 if ok else 1


def _export(options: argparse.Namespace) -> int:
    from lyne.export import MegatronBatches, to_distillkit, to_megatron, to_parquet

    capture, out = Path(options.capture), Path(options.out)
    sequences = None if options.sequences is None else Path(options.sequences)
    of_megatron = {"global_batch": options.global_batch, "micro_batch": options.micro_batch, "identifiers": options.identifiers}
    for name, value in of_megatron.items():
        if (value is None) == (options.to == "megatron"):
            raise ValueError(f"{name}: {value} with --to {options.to} (expected: given with --to megatron, and with it alone)")
    if options.to == "parquet":
        count = to_parquet(capture, out, sequences)
    elif sequences is None:
        raise ValueError(f"sequences: none with --to {options.to} (expected: the token ids, as the format has them)")
    elif options.to == "distillkit":
        count = to_distillkit(capture, out, sequences)
    else:
        identifiers = json.loads(Path(options.identifiers).read_text())
        count = to_megatron(capture, out, sequences, MegatronBatches(options.global_batch, options.micro_batch, identifiers))
    print(f"{out}: {count} sequences")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from lyne.benchmarks import figures_of

    beside = Path(__file__).parents[2] / "lyne"
    launcher = Path(options.lyne) if options.lyne else beside if beside.is_file() else None
    if launcher is None:
        print("no ./lyne here: decode_over_java, with_stream_over_without and delayed_over_local are not measured", file=sys.stderr)
    elif not launcher.is_file():
        raise ValueError(f"lyne: {launcher}: no such file (expected: the launcher)")
    shape = (options.vocabulary_size, options.positions, options.width, options.top_k)
    figures = figures_of(*shape, options.pairs, launcher, lambda name, value: print(f"{name}: {value:,.3f}", file=sys.stderr))
    _report(options, figures, [f"{name:>28}  {value:,.3f}" for name, value in figures.items()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
