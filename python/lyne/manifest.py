"""The manifest of a capture: what it is of, what it holds, and the identity by which its files know it (docs/capture-format.md)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from lyne.client.description import TeacherDescription
from lyne.errors import CaptureError
from lyne.v1 import teacher_pb2
from lyne.wire.selection import Draws, LabelOnly, Selection, TopFraction, TopK, TopPK

__all__ = ["FORMAT", "captured_selection", "captured_teacher", "is_capture", "read_manifest"]

FORMAT = 3

_FILE = "manifest.json"
_KEYS = {
    "": "format kind teacher rows packing windows shard_windows complete sequences positions block_bytes shards",
    "teacher": "name model_sha256 tokenizer_sha256 vocabulary_size context_length architecture parameters deterministic"
    " torch_version device cpu_capability arithmetic_version threads compute_precision",
    "rows": "selection precision raw_logits",
    "packing": "corpus_sha256 document_rule window_rule context overlap sha256",
}


def is_capture(path: str | os.PathLike[str]) -> bool:
    """Whether a directory holds a capture's manifest."""
    return (Path(path) / _FILE).is_file()


def read_manifest(directory: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest of a complete capture of a corpus, and its identity.

    Raises:
        CaptureError: where it is of another kind or version, not complete, or contradicts itself; with the key, what is there and what
            should be.
        KeyError, TypeError, ValueError: where it is no manifest.
    """
    where = directory / _FILE
    text = where.read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    version = manifest["format"]
    if version != FORMAT:
        raise CaptureError(f"{where}: format: {version} (expected: {FORMAT}; what another version captured is to be captured again)")
    for key, expected in (("kind", "data"), ("complete", True)):
        if manifest[key] != expected:
            raise CaptureError(f"{where}: {key}: {manifest[key]} (expected: {expected})")
    for part, names in _KEYS.items():
        optional = {"tail_error"} if part == "teacher" else set()
        odd = (set(manifest[part] if part else manifest) - optional) ^ set(names.split())
        if odd:
            raise CaptureError(f"{where}: {part or 'manifest'}: {', '.join(sorted(odd))} (expected: the keys {names})")
    for name in ("teacher.model_sha256", "teacher.tokenizer_sha256", "packing.corpus_sha256", "packing.sha256"):
        part, key = name.split(".")
        if not re.fullmatch("[0-9a-f]{64}", manifest[part][key]):
            raise CaptureError(f"{where}: {name}: '{manifest[part][key]}' (expected: 64 lower-case hexadecimal digits)")
    for key in ("windows", "shard_windows"):
        if manifest[key] < 1:
            raise CaptureError(f"{where}: {key}: {manifest[key]} (expected: 1 or more)")
    shards = -(-manifest["windows"] // manifest["shard_windows"])
    if len(manifest["shards"]) != shards:
        windows = f"{manifest['windows']} windows, {manifest['shard_windows']} a shard"
        raise CaptureError(f"{where}: {len(manifest['shards'])} shards (expected: {shards}, of {windows})")
    for key in ("sequences", "positions", "block_bytes"):
        total = sum(shard[key] for shard in manifest["shards"])
        if manifest[key] != total:
            raise CaptureError(f"{where}: {key}: {manifest[key]} (expected: {total}, the sum of its shards)")
    # Numbers with a point count as they are written: so the identity has them.
    return manifest, _identity_sha256(json.loads(text, parse_float=str))


def captured_selection(stated: dict[str, Any]) -> Selection:
    """The selection of a manifest's rows."""
    temperatures = tuple(stated["temperatures"])
    match stated["kind"]:
        case "top_k":
            return TopK(stated["k"], temperatures=temperatures)
        case "top_p_k":
            return TopPK(stated["p"], stated["k"], stated["truncation_temperature"], temperatures=temperatures)
        case "top_fraction":
            return TopFraction(stated["fraction"], temperatures=temperatures)
        case "draws":
            return Draws(stated["draws"], stated["head"], stated["seed"] % (1 << 64), temperatures=temperatures)
        case "label_only":
            return LabelOnly(temperatures=temperatures)
    raise CaptureError(f"selection kind {stated['kind']} (expected: top_k, top_p_k, top_fraction, draws or label_only)")


def captured_teacher(stated: dict[str, Any]) -> TeacherDescription:
    """The teacher of a manifest."""
    return TeacherDescription.of(
        teacher_pb2.Teacher(
            name=stated["name"],
            digests=teacher_pb2.TeacherDigests(
                model_sha256=bytes.fromhex(stated["model_sha256"]), tokenizer_sha256=bytes.fromhex(stated["tokenizer_sha256"])
            ),
            execution_fingerprint=teacher_pb2.ExecutionFingerprint(
                torch_version=stated["torch_version"],
                device=stated["device"],
                cpu_capability=stated["cpu_capability"],
                threads=stated["threads"],
                compute_precision=stated["compute_precision"],
                arithmetic_version=stated["arithmetic_version"],
            ),
            vocabulary_size=stated["vocabulary_size"],
            context_length=stated["context_length"],
            architecture=stated["architecture"],
            parameters=stated["parameters"],
            deterministic=stated["deterministic"],
            tail_error=stated.get("tail_error", 0.0),  # a key of those alone whose tails have one
        )
    )


def _identity_sha256(written: dict[str, Any]) -> bytes:
    """The identity of a manifest whose numbers with a point are the texts that they are written as."""
    teacher, rows, packing = written["teacher"], written["rows"], written["packing"]
    fingerprint = (
        teacher["torch_version"],
        teacher["device"],
        teacher["cpu_capability"],
        f"arithmetic {teacher['arithmetic_version']}",
        f"{teacher['threads']} threads",
        teacher["compute_precision"],
    )
    values = {
        "kind": written["kind"],
        "windows": written["windows"],
        "shard_windows": written["shard_windows"],
        "rows.selection": _selection_text(rows["selection"]),
        "rows.precision": rows["precision"].upper(),
        "rows.raw_logits": _truth(rows["raw_logits"]),
        "teacher.deterministic": _truth(teacher["deterministic"]),
        "teacher.fingerprint": "/".join(fingerprint),
        **{f"teacher.{key}": teacher[key] for key in ("model_sha256", "tokenizer_sha256", "vocabulary_size", "context_length")},
        **{f"packing.{key}": value for key, value in packing.items()},
    }
    if float(teacher.get("tail_error", 0)) != 0:
        values["teacher.tail_error"] = _decimal(teacher["tail_error"])
    lines = "".join(f"{name} {values[name]}\n" for name in sorted(values))
    return hashlib.sha256(f"lyne capture {FORMAT}\n{lines}".encode()).digest()


def _selection_text(stated: dict[str, Any]) -> str:
    match stated["kind"]:
        case "top_k":
            rule = f" top_k={stated['k']}"
        case "top_p_k":
            rule = f" top_p={_decimal(stated['p'])} top_k={stated['k']} truncated_at={_decimal(stated['truncation_temperature'])}"
        case "top_fraction":
            rule = f" top_fraction={_decimal(stated['fraction'])}"
        case "draws":
            rule = f" draws={stated['draws']} head={stated['head']} draw_seed={stated['seed']}"
        case _:
            rule = ""
    temperatures = ", ".join(map(_decimal, stated["temperatures"]))
    return stated["kind"] + rule + (f" temperatures=[{temperatures}]" if temperatures else "")


def _decimal(written: str | int) -> str:
    """A number with a point, also where it was written without."""
    return written if isinstance(written, str) else f"{written}.0"


def _truth(value: bool) -> str:
    return "true" if value else "false"
