"""Target blocks: the bytes that carry a teacher's rows, and what they mean (docs/wire-format.md)."""

from lyne.wire.block import Block, decode, is_native
from lyne.wire.header import BlockHeader
from lyne.wire.selection import (
    Chosen,
    Draws,
    LabelOnly,
    Precision,
    Selection,
    TopFraction,
    TopK,
    TopPK,
)

__all__ = [
    "Block",
    "BlockHeader",
    "Chosen",
    "Draws",
    "LabelOnly",
    "Precision",
    "Selection",
    "TopFraction",
    "TopK",
    "TopPK",
    "decode",
    "is_native",
]
