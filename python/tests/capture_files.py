"""Captures made by hand, and files of others changed and sealed again, so that nothing is wrong with them but what a test is about."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import rows

from lyne.manifest import read_manifest
from lyne.wire import Selection, TopK
from lyne.wire.digests import crc32c, sequence_key

#: A sequence's tokens and the positions of each of its blocks.
Entry = tuple[np.ndarray, list[np.ndarray]]
HEADER = struct.Struct("<4sI32sQ")
TEACHER = {
    "name": "made-up",
    "model_sha256": rows.TEACHER.hex(),
    "tokenizer_sha256": "cd" * 32,
    "vocabulary_size": rows.VOCABULARY,
    "context_length": 128,
    "architecture": "none",
    "parameters": 0,
    "deterministic": False,
    "torch_version": "none",
    "device": "none",
    "cpu_capability": "",
    "arithmetic_version": 1,
    "threads": 1,
    "compute_precision": "float32",
}
PACKING = {
    "corpus_sha256": "ef" * 32,
    "document_rule": "bos=none eos=0",
    "window_rule": "some rule",
    "context": 24,
    "overlap": 1,
    "sha256": "01" * 32,
}


def sealed(data: bytes) -> bytes:
    """Bytes with their checksum."""
    return data + struct.pack("<I", crc32c(data))


def write_capture(directory: Path, entries: Iterable[Entry], selection: Selection | None = None) -> Path:
    """A capture in one shard, of exact rows of the made-up teacher."""
    selection = selection or TopK(4)
    shard, records = bytearray(HEADER.size + 4), []
    positions = block_bytes = 0
    for tokens, parts in entries:
        blocks = [rows.block(tokens, part, selection) for part in parts]
        entry = sealed(struct.pack(f"<{1 + len(blocks)}I", len(blocks), *map(len, blocks)) + b"".join(blocks))
        held = np.concatenate(parts)
        place = (len(shard), 0, len(entry), len(held), int(held.min()), int(held.max()), len(tokens))
        records.append(sequence_key(tokens) + struct.pack("<QIIIIII", *place))
        shard += entry
        positions, block_bytes = positions + len(held), block_bytes + sum(map(len, blocks))
    index = b"".join(sorted(records))
    end = struct.pack("<QIIQQ4s", len(shard), len(records), crc32c(index), positions, block_bytes, b"LYNE")
    shard += index + sealed(end)
    counts = {"sequences": len(records), "positions": positions, "block_bytes": block_bytes}
    manifest = {
        "format": 3, "kind": "data", "teacher": TEACHER,
        "rows": {"selection": {"kind": "top_k", "k": selection.most_entries(rows.VOCABULARY), "temperatures": []},
                 "precision": "exact", "raw_logits": False},
        "packing": PACKING, "windows": len(records), "shard_windows": len(records), "complete": True, **counts,
        "shards": [{"bytes": len(shard), **counts}],
    }  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "shard-000000.blocks").write_bytes(shard)
    (directory / "sequences.index").write_bytes(bytes(HEADER.size + 4) + sealed(index))
    own(directory, len(records))
    return directory


def own(directory: Path, records: int) -> None:
    """Puts the identity of the manifest into the headers of the index and the one shard."""
    _, identity = read_manifest(directory)
    for name, magic, number in (("shard-000000.blocks", b"LYNS", 0), ("sequences.index", b"LYNI", records)):
        data = bytearray((directory / name).read_bytes())
        data[: HEADER.size + 4] = sealed(HEADER.pack(magic, 3, identity, number))
        (directory / name).write_bytes(data)


def copy(captured: Path, to: Path) -> Path:
    """A copy that may be changed."""
    for path in captured.iterdir():
        if path.is_file():
            shutil.copy(path, to / path.name)
    return to


def change_manifest(directory: Path, **changes: object) -> None:
    """Changes values of a manifest, by `key` or `part__key`, and nothing else."""
    manifest = json.loads((directory / "manifest.json").read_text())
    for name, value in changes.items():
        *part, key = name.split("__")
        (manifest[part[0]] if part else manifest)[key] = value
    (directory / "manifest.json").write_text(json.dumps(manifest))
