"""A capture as DistillKit's offline dataset: Parquet with packed ids and log-probabilities, beside it the `teacher` section of its YAML.

Written from its reader (DistillKit of March 2026): of each row `bytepacked_indices` holds the ids in ⌈log2 V⌉ bits each, the highest bit
first, the last byte filled up with zeros; `compressed_logprobs` the log-probabilities as little-endian float32, which its configuration
calls exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyne.captures import Capture
from lyne.export.captured import captured_sequences, identity_of, new_directory, pyarrow_parquet, whole_rows

__all__ = ["pack_ids", "to_distillkit"]

_GROUP = 256


def to_distillkit(directory: Path, out: Path, sequences: Path) -> int:
    """Writes `data_0.parquet` and `teacher.yaml` into a directory that is not there yet; gives how many sequences there are.

    Row s of a sequence stands beside its token s, and is of token s + 1, so that the last token, which nothing follows, is left out.

    Args:
        sequences: a file with the token ids of one sequence a line.

    Raises:
        CaptureError: where the capture is damaged, or does not hold one of the sequences.
        ValueError: where rows do not all keep the same number of entries, or are missing at some position: the format has no room for that.
    """
    pa, pq = pyarrow_parquet()
    capture = Capture(directory)
    vocabulary = capture.teacher.vocabulary_size
    selection = capture.selection
    if not (selection.keeps_always and selection.is_prefix):
        raise ValueError(f"selection: {selection} (expected: top_k or top_fraction, whose rows all keep as many entries)")
    k = selection.most_entries(vocabulary)
    packed = pa.list_(pa.list_(pa.uint8()))
    schema = pa.schema(
        [("input_ids", pa.list_(pa.uint64())), ("compressed_logprobs", packed), ("bytepacked_indices", packed)],
        metadata={f"lyne.{name}": json.dumps(value) for name, value in identity_of(capture).items()},
    )
    written = 0
    with new_directory(out) as aside:
        with pq.ParquetWriter(aside / "data_0.parquet", schema, compression="zstd") as writer:
            group: list[dict[str, Any]] = []
            for row in _rows(capture, sequences, k, vocabulary):
                group.append(row)
                written += 1
                if len(group) == _GROUP:
                    writer.write_table(pa.Table.from_pylist(group, schema))
                    group.clear()
            if group:
                writer.write_table(pa.Table.from_pylist(group, schema))
        (aside / "teacher.yaml").write_text(_configuration(capture, vocabulary, k))
    return written


def _rows(capture: Capture, sequences: Path, k: int, vocabulary: int) -> Iterator[dict[str, Any]]:
    bits = id_bits(vocabulary)
    for found in captured_sequences(capture, sequences):
        _, ids, logprobs = whole_rows(found, f"{sequences}:{found.number + 1}")
        yield {
            "input_ids": found.tokens[:-1].tolist(),
            "compressed_logprobs": logprobs.astype("<f4").reshape(-1, k).view(np.uint8).tolist(),
            "bytepacked_indices": pack_ids(ids.reshape(-1, k), bits).tolist(),
        }


def id_bits(vocabulary: int) -> int:
    """Bits of an id."""
    return max(0, (vocabulary - 1).bit_length())


def pack_ids(ids: NDArray[np.int32], bits: int) -> NDArray[np.uint8]:
    """Ids `[rows, k]` in so many bits each, the highest first, `[rows, bytes]`."""
    each = (ids[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(each.astype(np.uint8).reshape(len(ids), -1), axis=1)


def _configuration(capture: Capture, vocabulary: int, k: int) -> str:
    """The section of a run's YAML, as text: JSON is YAML."""
    compressor = {
        "d": vocabulary,
        "k": k,
        "exact_k": k,
        "exact_dtype": "float32",
        "polynomial_terms": None,
        "residual_bins": [],
        "delta_encoding": False,
        "error_diffusion": False,
    }
    lines = [f"# Rows of {capture.teacher.name}, model_sha256 {capture.teacher.model_sha256}", "teacher:", "  kind: dataset"]
    lines += ["  logprob_compressor:", *(f"    {name}: {json.dumps(value)}" for name, value in compressor.items())]
    return "\n".join(lines) + "\n"
