"""Which entries of a row are kept, how they are coded, and both as the contract and a block's header have them."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, ClassVar

from lyne.v1 import teacher_pb2

__all__ = [
    "Chosen",
    "Draws",
    "LabelOnly",
    "Precision",
    "Selection",
    "TopFraction",
    "TopK",
    "TopPK",
    "selection_from_header",
]

MAX_VOCABULARY_SIZE = 1 << 20
MAX_DRAWS = 1 << 16
_ONE = struct.pack("<d", 1.0)
_ONE_SINGLE = struct.pack("<f", 1.0)


class Precision(IntEnum):
    """How a row's numbers are coded; values as in a block's header and in the contract."""

    EXACT = 1
    HALF = 2
    COMPACT = 3

    @staticmethod
    def of(value: Precision | str) -> Precision:
        """A precision, or that of a name."""
        if isinstance(value, Precision):
            return value
        try:
            return Precision[value.upper()]
        except KeyError:
            raise ValueError(f"precision: {value} (expected: exact, half or compact)") from None


def _single(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


#: Smallest and largest temperature.
MIN_TEMPERATURE = _single(0.01)
MAX_TEMPERATURE = 1000.0


def _temperature(name: str, value: float) -> float:
    if not (0 < value < math.inf and MIN_TEMPERATURE <= _single(value) <= MAX_TEMPERATURE):
        raise ValueError(f"selection: {name} {value} (expected: 0.01..1000)")
    return _single(value)


def _count(name: str, value: int, least: int, most: int, of: str = "") -> None:
    if not least <= value <= most:
        raise ValueError(f"selection: {name} {value} (expected: {least}..{of}{most})")


@dataclass(frozen=True)
class HeaderNumbers:
    """A selection's part of a block's header."""

    kind: int
    k: int
    first: bytes = _ONE
    second: bytes = _ONE_SINGLE


@dataclass(frozen=True)
class Selection:
    """Which entries of a row are kept; rows are at temperature 1.

    Attributes:
        temperatures: those that each row carries c_τ = −log Σ_V exp(lp/τ) and the log tail mass for; none for τ = 1. From 0.01 to 1000.
    """

    temperatures: tuple[float, ...] = field(default=(), kw_only=True)

    #: Whether every row keeps `most_entries`, no fewer.
    keeps_always: ClassVar[bool] = False
    #: Whether a row may keep no entry at all.
    may_be_empty: ClassVar[bool] = False
    #: Whether rows are prefixes of one order, which can be cut.
    is_prefix: ClassVar[bool] = False
    #: Whether a row begins with the most probable tokens.
    keeps_most_probable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        temperatures = tuple(_temperature("temperature", value) for value in self.temperatures)
        if len(set(temperatures)) != len(temperatures):
            raise ValueError(f"selection: temperatures {list(temperatures)} (expected: distinct)")
        object.__setattr__(self, "temperatures", temperatures)

    def most_entries(self, vocabulary_size: int) -> int:
        """Most entries of a row."""
        raise NotImplementedError

    def require_fits(self, vocabulary_size: int) -> None:
        """Refuses a selection that this vocabulary cannot answer."""
        _count("k", self.most_entries(vocabulary_size), 0, vocabulary_size, "vocabulary_size=")

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        """What a block's header says of it."""
        raise NotImplementedError

    def _rule(self) -> dict[str, Any]:
        raise NotImplementedError

    def to_message(self, raw_logits: bool = False) -> teacher_pb2.Selection:
        """The message of the contract."""
        return teacher_pb2.Selection(**self._rule(), temperatures=self.temperatures, raw_logits=raw_logits)

    def with_temperatures(self, temperatures: tuple[float, ...]) -> Selection:
        """The same entries with offsets for other temperatures."""
        return replace(self, temperatures=temperatures)


@dataclass(frozen=True)
class TopK(Selection):
    """The k most probable tokens; ties go to the lower id."""

    k: int
    keeps_always: ClassVar[bool] = True
    is_prefix: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _count("k", self.k, 1, MAX_VOCABULARY_SIZE)

    def most_entries(self, vocabulary_size: int) -> int:
        return self.k

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        return HeaderNumbers(1, self.k)

    def _rule(self) -> dict[str, Any]:
        return {"top_k": teacher_pb2.TopK(k=self.k)}


@dataclass(frozen=True)
class TopPK(Selection):
    """The shortest prefix, in descending order, whose probability reaches p, and at most k tokens of it (arXiv 2410.16215)."""

    p: float
    k: int
    truncation_temperature: float = 1.0
    is_prefix: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _count("k", self.k, 1, MAX_VOCABULARY_SIZE)
        if not 0 < self.p <= 1:
            raise ValueError(f"selection: p {self.p} (expected: above 0, at most 1)")
        temperature = _temperature("truncation_temperature", self.truncation_temperature)
        object.__setattr__(self, "truncation_temperature", temperature)

    def most_entries(self, vocabulary_size: int) -> int:
        return self.k

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        return HeaderNumbers(2, self.k, struct.pack("<d", self.p), struct.pack("<f", self.truncation_temperature))

    def _rule(self) -> dict[str, Any]:
        rule = teacher_pb2.TopPK(p=self.p, k=self.k, truncation_temperature=self.truncation_temperature)
        return {"top_p_k": rule}


@dataclass(frozen=True)
class TopFraction(Selection):
    """The ⌈fraction · vocabulary size⌉ most probable tokens."""

    fraction: float
    keeps_always: ClassVar[bool] = True
    is_prefix: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.fraction <= 1:
            raise ValueError(f"selection: fraction {self.fraction} (expected: above 0, at most 1)")

    def most_entries(self, vocabulary_size: int) -> int:
        return min(vocabulary_size, math.ceil(self.fraction * vocabulary_size))

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        return HeaderNumbers(3, self.most_entries(vocabulary_size), struct.pack("<d", self.fraction))

    def _rule(self) -> dict[str, Any]:
        return {"top_fraction": teacher_pb2.TopFraction(fraction=self.fraction)}


@dataclass(frozen=True)
class Draws(Selection):
    """The distinct tokens of independent draws with how often each came, beside an exact head (arXiv 2503.16870)."""

    draws: int
    head: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _count("draws", self.draws, 1, MAX_DRAWS)
        _count("head", self.head, 0, MAX_VOCABULARY_SIZE)
        _count("seed", self.seed, 0, (1 << 64) - 1)

    @property
    def keeps_most_probable(self) -> bool:  # type: ignore[override]
        return self.head > 0

    def most_entries(self, vocabulary_size: int) -> int:
        return min(vocabulary_size, self.draws + self.head)

    def require_fits(self, vocabulary_size: int) -> None:
        _count("head", self.head, 0, vocabulary_size, "vocabulary_size=")

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        return HeaderNumbers(4, self.head, struct.pack("<Q", self.seed), struct.pack("<I", self.draws))

    def _rule(self) -> dict[str, Any]:
        return {"draws": teacher_pb2.Draws(draws=self.draws, head=self.head, seed=self.seed)}


@dataclass(frozen=True)
class Chosen(Selection):
    """Tokens that the student names for each position, at most k of them."""

    k: int
    may_be_empty: ClassVar[bool] = True
    keeps_most_probable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _count("k", self.k, 1, MAX_VOCABULARY_SIZE)

    def most_entries(self, vocabulary_size: int) -> int:
        return self.k

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        return HeaderNumbers(5, self.k)

    def _rule(self) -> dict[str, Any]:
        return {"chosen": teacher_pb2.Chosen(k=self.k)}


@dataclass(frozen=True)
class LabelOnly(Selection):
    """No entries: the label's log-probability alone."""

    keeps_always: ClassVar[bool] = True
    may_be_empty: ClassVar[bool] = True
    keeps_most_probable: ClassVar[bool] = False

    def most_entries(self, vocabulary_size: int) -> int:
        return 0

    def header_numbers(self, vocabulary_size: int) -> HeaderNumbers:
        return HeaderNumbers(6, 0)

    def _rule(self) -> dict[str, Any]:
        return {"label_only": teacher_pb2.LabelOnly()}


def selection_from_header(numbers: HeaderNumbers, temperatures: tuple[float, ...]) -> Selection:
    """The selection that a block's header states; ValueError where it states none."""
    first = struct.unpack("<d", numbers.first)[0]
    match numbers.kind:
        case 1:
            return TopK(numbers.k, temperatures=temperatures)
        case 2:
            second = struct.unpack("<f", numbers.second)[0]
            return TopPK(first, numbers.k, second, temperatures=temperatures)
        case 3:
            return TopFraction(first, temperatures=temperatures)
        case 4:
            draws = struct.unpack("<I", numbers.second)[0]
            seed = struct.unpack("<Q", numbers.first)[0]
            return Draws(draws, numbers.k, seed, temperatures=temperatures)
        case 5:
            return Chosen(numbers.k, temperatures=temperatures)
        case 6:
            return LabelOnly(temperatures=temperatures)
    raise ValueError(f"selection kind {numbers.kind} (expected: 1..6)")
