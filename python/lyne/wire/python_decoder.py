"""The columns of a block in pure Python, after docs/wire-format.md: correct, and slow for compact blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lyne.errors import MalformedBlockError
from lyne.wire.header import BlockHeader
from lyne.wire.selection import MAX_DRAWS, Draws, Precision

__all__ = ["columns"]

Columns = tuple[NDArray, ...]

_COUNT, _FLOOR, _TAIL, _LABEL, _DRAWS, _HEIGHT, _TEMPERED = range(7)
_MAX_CODE_BITS = 9
_SYMBOLS = 84
_MAX_DEPTH = (1 << 20) - 1
_MAX_ORDER = 20
_LOW_HEIGHTS = 64
_FEW_TALL = 48
_MAX_REFINEMENT = 3
#: Entries of equal height that have a bit each in any case.
_FEW_ALIKE = 16


def columns(payload: memoryview, header: BlockHeader) -> Columns:
    """The columns of a block in the order of `lyne.wire.Block`, from its bytes without the checksum."""
    fields = _Fields(payload, header.size)
    if header.precision == Precision.COMPACT:
        return _compact(fields, header)
    return _wide(fields, header)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise MalformedBlockError(message)


class _Fields:
    """Little-endian columns, one after the other."""

    def __init__(self, data: memoryview, at: int):
        self._data, self.at = data, at

    @property
    def left(self) -> int:
        return len(self._data) - self.at

    def take(self, dtype: str, count: int, what: str) -> NDArray:
        size = np.dtype(dtype).itemsize * count
        _require(size <= self.left, f"{self.left} bytes left for {what} (expected: at least {size})")
        values = np.frombuffer(self._data, dtype=dtype, count=count, offset=self.at)
        self.at += size
        return values

    def numbers(self, dtype: str, count: int, what: str) -> NDArray[np.float32]:
        values = self.take(dtype, count, what).astype(np.float32)
        _require(not (np.isnan(values) | (values == np.inf)).any(), f"{what} that is none (expected: a number)")
        return values

    def finite(self, dtype: str, count: int, what: str) -> NDArray[np.float32]:
        values = self.numbers(dtype, count, what)
        _require(bool(np.isfinite(values).all()), f"{what} that is none (expected: a finite number)")
        return values

    def rest(self) -> memoryview:
        return self._data[self.at :]


def _wide(fields: _Fields, header: BlockHeader) -> Columns:
    rows, taus = header.rows, len(header.selection.temperatures)
    half = header.precision == Precision.HALF
    value = "<f2" if half else "<f4"
    drawn = isinstance(header.selection, Draws)
    least, most = int(not header.selection.may_be_empty), header.selection.most_entries(header.vocabulary_size)
    counts = fields.take("<u4", rows, "counts").astype(np.int64)
    _require(
        bool(((counts >= least) & (counts <= most)).all()),
        f"rows of {counts.min()}..{counts.max()} entries (expected: {least}..{most})",
    )
    entries = int(counts.sum())
    short_ids = half and header.vocabulary_size <= 1 << 16
    ids = fields.take("<u2" if short_ids else "<u4", entries, "ids").astype(np.int64)
    _require(not (ids >= header.vocabulary_size).any(), f"a token id of {ids.max(initial=0)} (expected: 0..{header.vocabulary_size - 1})")
    logprobs = fields.numbers(value, entries, "log-probability")
    draws = fields.take("<u4", entries if drawn else 0, "draw counts").astype(np.int64)
    _require(not (draws > MAX_DRAWS).any(), f"{draws.max(initial=0)} draws (expected: 0..{MAX_DRAWS})")
    tails = fields.numbers(value, rows, "log tail mass")
    labels = np.full(rows, np.nan, dtype=np.float32)
    labels[: header.label_rows] = fields.numbers(value, header.label_rows, "label's log-probability")
    offsets = fields.finite("<f4", rows * taus, "temperature offset").reshape(rows, taus)
    tempered = fields.numbers(value, rows * taus, "log tail mass at a temperature").reshape(rows, taus)
    logits = fields.finite(value, entries if header.raw_logits else 0, "logit")
    sums = fields.finite("<f4", rows if header.raw_logits else 0, "log-sum-exp")
    _require(fields.left == 0, f"{fields.left} bytes after the last column (expected: 0)")
    return _starts(counts), ids.astype(np.int32), logprobs, tails, labels, offsets, tempered, draws.astype(np.int32), logits, sums


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


class _Bits:
    """Bits of bytes, the lowest first."""

    def __init__(self, data: memoryview):
        self.size = 8 * len(data)
        # A window that is refilled keeps shifts short: one integer for all would be shifted whole for each number.
        self._data, self._at, self._window, self._held = bytes(data), 0, 0, 0

    def _fill(self, count: int) -> None:
        while self._held < count:
            part = self._data[self._at : self._at + 8]
            _require(bool(part), "a stream of bits ends early")
            self._window |= int.from_bytes(part, "little") << self._held
            self._at += len(part)
            self._held += 8 * len(part)

    def number(self, count: int) -> int:
        self._fill(count)
        value = self._window & ((1 << count) - 1)
        self._window >>= count
        self._held -= count
        return value

    def zeros(self, most: int) -> int:
        """How many zeros come before the next one, which is read, too; `most` where there are as many, and then no one is read."""
        zeros = 0
        while zeros < most:
            if self.number(1):
                return zeros
            zeros += 1
        return most

    def golomb(self, order: int) -> int:
        rest = self.zeros(_MAX_ORDER + 1) + order
        _require(rest <= _MAX_ORDER, f"a number of {rest} bits (expected: at most {_MAX_ORDER})")
        return (1 << rest | self.number(rest)) - (1 << order)

    def gap(self, rice: int) -> int:
        """A gap in a Rice code; 24 zeros stand before one that is written in 16 bits."""
        zeros = self.zeros(24)
        return self.number(16) if zeros == 24 else (zeros << rice) + self.number(rice)

    def gamma(self) -> int:
        zeros = self.zeros(17)
        _require(zeros < 17, "a gamma code that does not end")
        value = 1
        for _ in range(zeros):
            value = value << 1 | self.number(1)
        return value

    def first_of(self, count: int) -> int:
        """Which of so many entries of equal height, in ascending order of id, comes first."""
        if count > _FEW_ALIKE:
            number = self.number((count - 1).bit_length())
            _require(number < count, f"entry {number} of a level (expected: below {count})")
            return number
        return self.zeros(count - 1)

    def finish(self) -> None:
        left = 8 * (len(self._data) - self._at) + self._held
        _require(left < 8 and self._window == 0, f"{left} bits after the end of a stream (expected: less than 8, all zeros)")


class _Code:
    """A canonical prefix code of symbols, and the numbers that they begin."""

    def __init__(self, bits: _Bits):
        lengths = self._lengths(bits)
        used = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
        room = sum(2.0**-length for length, _ in used)
        self._single = used[0][1] if len(used) == 1 and used[0][0] == 1 else None
        _require(room == 1 or not used or self._single is not None, "a code that is not complete")
        self._symbols: dict[tuple[int, int], int] = {}
        code = before = 0
        for length, symbol in used:
            code <<= length - before
            self._symbols[length, code] = symbol
            code, before = code + 1, length

    @staticmethod
    def _lengths(bits: _Bits) -> list[int]:
        lengths: list[int] = []
        previous, gap = 4, False
        used = bits.number(7)
        _require(used <= _SYMBOLS, f"a code of {used} symbols (expected: at most {_SYMBOLS})")
        for _ in range(used):
            gamma = bits.gamma()
            if gamma == (1 if gap else 4):
                lengths.append(0)
                gap = True
                continue
            gap = False
            if gamma != 4:
                change = gamma - 1 if gamma > 4 else gamma
                previous += change // 2 if change % 2 == 0 else -(change // 2)
            _require(1 <= previous <= _MAX_CODE_BITS, f"a code of {previous} bits (expected: 1..{_MAX_CODE_BITS})")
            lengths.append(previous)
        return lengths

    def read(self, bits: _Bits) -> int:
        symbol = self._symbol(bits)
        if symbol < 16:
            return symbol
        extra = symbol // 4 - 2
        return ((4 | symbol & 3) << extra) + bits.number(extra)

    def _symbol(self, bits: _Bits) -> int:
        if self._single is not None:
            bits.number(1)
            return self._single
        code = 0
        for length in range(1, _MAX_CODE_BITS + 1):
            code = code << 1 | bits.number(1)
            symbol = self._symbols.get((length, code))
            if symbol is not None:
                return symbol
        raise MalformedBlockError("bits of no code")


class _Grid:
    """The levels that log-probabilities are rounded to."""

    def __init__(self, fineness: float, step: float):
        self._fineness, self._step = fineness, step
        self._knee = 2 * math.log(fineness / step)
        self._top = math.ceil(2 / fineness)
        #: Levels whose masses are squares of roots, and a few below.
        self.table = max(0, self._top - math.floor(2 / step)) + 128

    def _compute(self, depth: int) -> float:
        level = self._top - depth
        if level * self._step >= 2:
            return 2 * math.log(level * self._fineness / 2)
        return self._knee + level * self._step - 2

    def value(self, depth: int) -> np.float32:
        return np.float32(self._compute(depth))

    def tail(self, depth: int) -> np.float32:
        """Log of a tail's mass; −1 stands for none."""
        return self.value(depth) if depth >= 0 else np.float32(-np.inf)

    def mass(self, depth: int) -> np.float32:
        value, root = self._compute(depth), (self._top - depth) * self._fineness / 2
        curved = value > self._knee if depth < self.table else (self._top - depth) * self._step >= 2
        return np.float32(root * root if curved else math.exp(value))


def _compact(fields: _Fields, header: BlockHeader) -> Columns:
    rows, taus = header.rows, len(header.selection.temperatures)
    most = header.selection.most_entries(header.vocabulary_size)
    fineness, step = (float(v) for v in fields.take("<f4", 2, "the grid"))
    _require(2.0**-16 <= fineness <= 1, f"fineness {fineness} (expected: {2.0**-16}..1)")
    _require(2.0**-12 <= step <= float(np.float32(0.2)), f"largest step {step} (expected: {2.0**-12}..0.2)")
    uniform = int(fields.take("<u4", 1, "entries of every row")[0])
    _require(uniform <= most, f"{uniform} entries of every row (expected: 0..{most})")
    refinement = int(fields.take("<u4", 1, "refinement of tails")[0])
    _require(refinement <= _MAX_REFINEMENT, f"refinement of tails {refinement} (expected: 0..{_MAX_REFINEMENT})")
    offsets = fields.finite("<f4", rows * taus, "temperature offset").reshape(rows, taus)
    first, second, third = _streams(fields, header)
    codes = [_Code(second) for _ in range(_TEMPERED + 1)]
    scalars = list(_scalars(second, codes, header, uniform, most))
    counts = np.array([count for count, *_ in scalars], dtype=np.int64)
    possible = min(first.size, second.size)
    _require(counts.sum() <= possible, f"{counts.sum()} entries (expected: at most {possible}, a bit of each stream for each)")
    entries = _entries(first, second, codes, counts.tolist(), header)
    starts = _starts(counts)
    tail_grid = _Grid(fineness / (2 << refinement), step / (4 << refinement))
    ids, logprobs, draws, tails, labels = _rows(_Grid(fineness, step), tail_grid, scalars, entries, third)
    tempered_grid = _Grid(2.0**-7 / (1 << refinement), 0.046875 / (1 << refinement))
    tempered = [tempered_grid.tail(depth) for *_, depths in scalars for depth in depths]
    if not isinstance(header.selection, Draws):
        draws = []
    return (
        starts,
        np.array(ids, dtype=np.int32),
        np.array(logprobs, dtype=np.float32),
        np.array(tails, dtype=np.float32),
        np.array(labels, dtype=np.float32),
        offsets,
        np.array(tempered, dtype=np.float32).reshape(rows, taus),
        np.array(draws, dtype=np.int32),
        np.empty(0, np.float32),
        np.empty(0, np.float32),
    )


def _streams(fields: _Fields, header: BlockHeader) -> tuple[_Bits, _Bits, _Bits | None]:
    """The three streams of bits; None for a third one that there cannot be."""
    lengths = fields.take("<u4", 2, "lengths of the first and the third stream")
    length, cuts = int(lengths[0]), int(lengths[1])
    _require(length <= fields.left, f"{length} bytes of the first stream (expected: 0..{fields.left})")
    _require(cuts <= fields.left - length, f"{cuts} bytes of the third stream (expected: 0..{fields.left - length})")
    prefix = header.selection.is_prefix
    _require(prefix or cuts == 0, f"{cuts} bytes of the third stream (expected: none where rows cannot be cut)")
    streams, end = fields.rest(), fields.left - cuts
    return _Bits(streams[:length]), _Bits(streams[length:end]), _Bits(streams[end:]) if prefix else None


#: Of a row: entries, depth of its tail or −1, depth of its label or −1, floor, depths of its tails at temperatures or −1.
_Scalars = tuple[int, int, int, int, list[int]]


def _scalars(second: _Bits, codes: list[_Code], header: BlockHeader, uniform: int, most: int) -> Iterator[_Scalars]:
    floor = 0
    for row in range(header.rows):
        count = uniform or codes[_COUNT].read(second)
        _require(count <= most, f"row {row} keeps {count} entries (expected: 0..{most})")
        tail = codes[_TAIL].read(second) - 1
        label = codes[_LABEL].read(second) if row < header.label_rows else -1
        tempered = [codes[_TEMPERED].read(second) - 1 for _ in header.selection.temperatures]
        if count:
            zigzag = codes[_FLOOR].read(second)
            floor += (zigzag >> 1) ^ -(zigzag & 1)
        for depth in (floor, tail, label, *tempered):
            _require(-1 <= depth <= _MAX_DEPTH, f"row {row}: depth {depth} (expected: 0..{_MAX_DEPTH})")
        yield count, tail, label, floor, tempered


#: An entry: id, height, draw count.
_Entry = tuple[int, int, int]


def _entries(first: _Bits, second: _Bits, codes: list[_Code], counts: list[int], header: BlockHeader) -> list[list[_Entry]]:
    """Of each row its entries in ascending order of id."""
    rows, left, token = len(counts), sum(counts), -1
    places: list[tuple[int, int]] = []
    order = first.number(5)
    _require(order <= _MAX_ORDER, f"gaps of order {order} (expected: 0..{_MAX_ORDER})")
    while left:
        token += 1 + first.golomb(order)
        _require(token < header.vocabulary_size, f"token id {token} (expected: 0..{header.vocabulary_size - 1})")
        count = 1 + first.golomb(0)
        _require(count <= min(left, rows), f"token id {token} in {count} rows (expected: 1..{min(left, rows)})")
        rice = max(0, (13 * rows // (16 * count)).bit_length() - 1)
        row = -1
        for _ in range(count):
            row += 1 + first.gap(rice)
            _require(row < rows, f"row {row} (expected: 0..{rows - 1})")
            places.append((row, token))
        left -= count
    heights = [codes[_HEIGHT].read(second) for _ in places]
    drawn = isinstance(header.selection, Draws)
    draws = [codes[_DRAWS].read(second) if drawn else 0 for _ in places]
    _require(max(draws, default=0) <= MAX_DRAWS, f"{max(draws, default=0)} draws (expected: 0..{MAX_DRAWS})")
    first.finish()
    second.finish()
    entries: list[list[_Entry]] = [[] for _ in counts]
    for (row, token), height, count in zip(places, heights, draws, strict=True):
        entries[row].append((token, height, count))
    for row, found in enumerate(entries):
        _require(len(found) == counts[row], f"row {row} has {len(found)} entries (expected: {counts[row]} as stated)")
    return entries


def _rows(grid: _Grid, tail_grid: _Grid, scalars: list[_Scalars], entries: list[list[_Entry]], third: _Bits | None):
    ids: list[int] = []
    logprobs: list[np.float32] = []
    draws: list[int] = []
    tails: list[np.float32] = []
    labels: list[np.float32] = []
    for (count, tail_depth, label_depth, floor, _), row in zip(scalars, entries, strict=True):
        ordered = sorted(row, key=lambda entry: -entry[1])
        _require(not count or ordered[0][1] <= floor, "a row that rises above the grid")
        if third is not None:
            _put_first(third, ordered)
        depths = [floor - height for _, height, _ in ordered]
        tail = tail_grid.tail(tail_depth)
        mass = float(_kept_mass(grid, floor, [height for _, height, _ in ordered]))
        mass += float(tail_grid.mass(tail_depth)) if tail_depth >= 0 else 0.0
        _require(mass > 0, "a row without mass")
        shift = np.float32(math.log(mass))
        ids += [token for token, _, _ in ordered]
        logprobs += [grid.value(depth) - shift for depth in depths]
        draws += [count for _, _, count in ordered]
        tails.append(tail - shift)
        labels.append(grid.value(label_depth) - shift if label_depth >= 0 else np.float32(np.nan))
    return ids, logprobs, draws, tails, labels


def _put_first(third: _Bits, ordered: list[_Entry]) -> None:
    """Puts the most probable entry of a row in front, where others share its height."""
    alike = sum(entry[1] == ordered[0][1] for entry in ordered)
    if alike > 1:
        ordered.insert(0, ordered.pop(third.first_of(alike)))


def _kept_mass(grid: _Grid, floor: int, heights: list[int]) -> np.float32:
    """The mass of a row's entries, highest first, summed in single precision in the order of the Java decoder, so that all decoders give
    the same bits: entries of equal low height at once, others one by one."""
    mass = np.float32(0)
    tall = sum(height >= _LOW_HEIGHTS for height in heights)
    one_by_one = floor >= grid.table or tall > _FEW_TALL
    at = 0
    while at < len(heights):
        height = heights[at]
        alike = 1 if one_by_one or height >= _LOW_HEIGHTS else heights.count(height)
        mass += np.float32(alike) * grid.mass(floor - height)
        at += alike
    return mass
