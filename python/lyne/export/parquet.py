"""A capture as a Parquet file, with what identifies its teacher in the file's metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lyne.captures import Capture
from lyne.export.captured import captured_sequences, identity_of, pyarrow_parquet, require_new
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
        sequences: a file with the token ids of one sequence a line (`captured_sequences`); rows are then checked against them.

    Raises:
        CaptureError: where the capture is damaged, or does not hold one of the sequences.
        ValueError: where pyarrow is missing, `out` is there, or a line holds no token ids.
    """
    require_new(out, "file")
    pa, pq = pyarrow_parquet()
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
    schema = pa.schema(fields, metadata={f"lyne.{name}": json.dumps(value) for name, value in identity_of(capture).items()})
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
    for found in captured_sequences(capture, sequences):
        key = sequence_key(found.tokens)
        yield {"sequence_sha256": key, "input_ids": found.tokens.tolist(), **_columns(found.blocks, drawn)}


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
