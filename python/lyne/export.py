"""A capture as a Parquet file, with what identifies its teacher in the file's metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lyne.captures import Capture
from lyne.client.targets import TargetSequence, checked_block
from lyne.errors import CaptureError
from lyne.wire.block import decode
from lyne.wire.digests import sequence_key

__all__ = ["to_parquet"]

#: Sequences of a row group.
_GROUP = 256


def to_parquet(directory: Path, out: Path, sequences: Path | None = None) -> int:
    """Writes a capture's sequences, one a row of the table; gives how many there are.

    Columns: `sequence_sha256`; `input_ids` where the sequences are given; and a list with an element for each row of `positions`,
    `token_ids`, `logprobs`, `log_tail`, `label_logprob` (null where there is no label), and `draw_counts` where the rows were drawn.

    Args:
        sequences: a file with the token ids of one sequence a line, as a JSON list; rows are then checked against them.

    Raises:
        CaptureError: where the capture is damaged, or does not hold one of the sequences.
        ValueError: where pyarrow is missing, or a line holds no token ids.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ValueError("pyarrow: not installed (expected: pip install lyne[export])") from None
    capture = Capture(directory)
    drawn = capture.manifest["rows"]["selection"]["kind"] == "draws"
    fields = [
        ("sequence_sha256", pa.binary(32)),
        *([("input_ids", pa.list_(pa.int32()))] if sequences is not None else []),
        ("positions", pa.list_(pa.int32())),
        ("token_ids", pa.list_(pa.list_(pa.int32()))),
        ("logprobs", pa.list_(pa.list_(pa.float32()))),
        ("log_tail", pa.list_(pa.float32())),
        ("label_logprob", pa.list_(pa.float32())),
        *([("draw_counts", pa.list_(pa.list_(pa.int32())))] if drawn else []),
    ]
    manifest = {name: capture.manifest[name] for name in ("teacher", "rows", "packing")}
    schema = pa.schema(fields, metadata={f"lyne.{name}": json.dumps(value) for name, value in manifest.items()})
    written = 0
    partial = out.with_name(f".{out.name}.partial")
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            group: list[dict[str, Any]] = []
            for row in _rows(capture, sequences, drawn):
                group.append(row)
                written += 1
                if len(group) == _GROUP:
                    writer.write_table(pa.Table.from_pylist(group, schema))
                    group.clear()
            if group:
                writer.write_table(pa.Table.from_pylist(group, schema))
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return written


def _rows(capture: Capture, sequences: Path | None, drawn: bool) -> Iterator[dict[str, Any]]:
    if sequences is None:
        for key, blocks in capture.entries():
            yield {"sequence_sha256": key, **_columns([decode(block) for block in blocks], drawn)}
        return
    identity = capture.identity()
    with open(sequences) as lines:
        for number, line in enumerate(lines):
            try:
                tokens = np.array(json.loads(line), dtype=np.int32)
            except (ValueError, TypeError):
                raise ValueError(f"{sequences}:{number + 1}: (expected: a JSON list of token ids)") from None
            sequence = TargetSequence(number, tokens)
            found = capture.find(sequence)
            if found is None:
                raise CaptureError(f"{sequences}:{number + 1}: not in {capture.directory} (expected: a captured sequence)")
            decoded = [checked_block(block, sequence, None, identity) for block in found]
            yield {"sequence_sha256": sequence_key(tokens), "input_ids": tokens.tolist(), **_columns(decoded, drawn)}


def _columns(blocks: list[Any], drawn: bool) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {"positions": [], "token_ids": [], "logprobs": [], "log_tail": [], "label_logprob": []}
    if drawn:
        columns["draw_counts"] = []
    for block in blocks:
        columns["positions"] += block.header.positions.tolist()
        columns["log_tail"] += block.log_tail.tolist()
        columns["label_logprob"] += [None if np.isnan(value) else float(value) for value in block.label_logprob]
        cuts = block.offsets[1:-1]
        columns["token_ids"] += [part.tolist() for part in np.split(block.ids, cuts)]
        columns["logprobs"] += [part.tolist() for part in np.split(block.logprobs, cuts)]
        if drawn:
            columns["draw_counts"] += [part.tolist() for part in np.split(block.draw_counts, cuts)]
    return columns
