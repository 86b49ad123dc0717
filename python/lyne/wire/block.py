"""The rows of a block as columns, and the decoder that makes them: the native one where it was built, else that in Python."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyne.errors import MalformedBlockError
from lyne.wire import check, python_decoder
from lyne.wire.header import CHECKSUM_BYTES, VERSION, BlockHeader, checked, read_header

try:
    from lyne import _native
except ImportError:
    _native = None  # type: ignore[assignment]

__all__ = ["Block", "decode", "decode_checked", "is_native"]

if _native is not None and _native.VERSION != VERSION:
    raise ImportError(f"lyne._native reads blocks of version {_native.VERSION} (expected: {VERSION}; install lyne again)")


@dataclass(frozen=True)
class Block:
    """Rows at temperature 1, packed: row r has entries offsets[r] to offsets[r + 1], in descending order of probability.

    Attributes:
        header: what the block says of itself.
        offsets: `[rows + 1]`.
        ids: token ids, `[entries]`.
        logprobs: their log-probabilities, `[entries]`.
        log_tail: log of the mass of all other ids, `[rows]`; −inf where nothing is left.
        label_logprob: log-probability of the token that the data has next, `[rows]`; NaN where it has none.
        tau_offsets: c_τ of each temperature, `[rows, temperatures]`.
        tau_log_tail: log of the mass of all other ids at each temperature, `[rows, temperatures]`; −inf where nothing is left.
        draw_counts: how often each entry was drawn, `[entries]`; empty where nothing was drawn.
        logits: raw logits, `[entries]`, and
        log_sum_exp: of all logits, `[rows]`; empty where there are none.
    """

    header: BlockHeader
    offsets: NDArray[np.int32]
    ids: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    log_tail: NDArray[np.float32]
    label_logprob: NDArray[np.float32]
    tau_offsets: NDArray[np.float32]
    tau_log_tail: NDArray[np.float32]
    draw_counts: NDArray[np.int32]
    logits: NDArray[np.float32]
    log_sum_exp: NDArray[np.float32]

    @property
    def rows(self) -> int:
        return self.header.rows


def is_native() -> bool:
    """Whether the native decoder was built."""
    return _native is not None


def decode(block: bytes, native: bool | None = None) -> Block:
    """The rows of a block, from bytes that nobody vouches for.

    Args:
        block: the bytes.
        native: whether to use the native decoder; by default where there is one.

    Raises:
        MalformedBlockError: where the bytes are no whole block.
    """
    header = read_header(checked(block))
    if not _use_native(native):
        return Block(header, *python_decoder.columns(memoryview(block)[:-CHECKSUM_BYTES], header))
    try:
        return _native_block(header, _native.decode(block))
    except _native.Malformed as e:
        raise MalformedBlockError(str(e)) from None


def decode_checked(
    block: bytes,
    tokens: NDArray[np.int32],
    chosen: Sequence[NDArray[np.int32]] | None = None,
    native: bool | None = None,
    tail_error: float = 0.0,
) -> Block:
    """The rows of a block, each of which answers its position of a sequence (lyne.wire.check).

    Args:
        block: the bytes.
        tokens: the whole sequence.
        chosen: the ids that each row was asked for, where the student chose them.
        native: whether to use the native decoder; by default where there is one.
        tail_error: absolute error of a row's tail mass, as the teacher states it.

    Raises:
        MalformedBlockError: where the bytes are no whole block.
        Misalignment: where a row does not answer its position.
    """
    if not _use_native(native):
        decoded = decode(block, native=False)
        check.require_consistent(decoded, tokens, chosen, tail_error)
        return decoded
    header = read_header(checked(block))
    ids, ends = None, None
    if chosen is not None:
        ids = np.concatenate([np.empty(0, np.int32), *chosen]).astype(np.int32)
        ends = np.cumsum([len(row) for row in chosen]).tolist()
    try:
        return _native_block(header, _native.decode_checked(block, tokens, ids, ends, tail_error))
    except _native.Malformed as e:
        raise MalformedBlockError(str(e)) from None
    except _native.Misaligned as e:
        raise check.Misalignment(*e.args) from None


def _use_native(native: bool | None) -> bool:
    if native is None:
        if _native is None:
            warnings.warn(
                "lyne decodes blocks in pure Python, hundreds of times slower than its native decoder (install Rust, then lyne again)",
                RuntimeWarning,
                stacklevel=3,
            )
        return _native is not None
    if native and _native is None:
        raise RuntimeError("the native decoder was not built (expected: Rust there when lyne was installed)")
    return native


def _native_block(header: BlockHeader, columns: tuple[NDArray, ...]) -> Block:
    offsets, ids, logprobs, log_tail, labels, tau_offsets, tau_log_tail, draws, logits, sums = columns
    shape = (header.rows, len(header.selection.temperatures))
    tempered = tau_offsets.reshape(shape), tau_log_tail.reshape(shape)
    return Block(header, offsets, ids, logprobs, log_tail, labels, *tempered, draws, logits, sums)
