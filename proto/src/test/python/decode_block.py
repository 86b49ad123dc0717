"""Decodes a target block, after docs/wire-format.md, with nothing but the standard library.

A second implementation, to test that the page says enough. Reads a file of hexadecimal digits (or of raw bytes) and prints one JSON
object: the header and, for each row, position, ids, log-probabilities, tail, label log-probability, draw counts, and of each temperature
the offset and the tail. Of a compact block also its cuts: to how many entries rows can be cut, and the ids that are then left.

    python3 decode_block.py BLOCK
"""

import json
import math
import struct
import sys

COUNT, FLOOR, TAIL, LABEL, DRAWS, HEIGHT, TEMPERED = range(7)
MAX_LENGTH = 9
KINDS = {1: "top_k", 2: "top_p_k", 3: "top_fraction", 4: "draws", 5: "chosen", 6: "label_only"}


class Malformed(Exception):
    """Bytes that are not a block."""


def require(condition, message):
    if not condition:
        raise Malformed(message)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Fields:
    """Little-endian numbers, one after the other."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, form, count=None):
        full = "<" + (str(count) if count is not None else "") + form
        size = struct.calcsize(full)
        require(self.at + size <= len(self.data), "ends early")
        values = struct.unpack_from(full, self.data, self.at)
        self.at += size
        return list(values) if count is not None else values[0]

    def take_bytes(self, count):
        require(self.at + count <= len(self.data), "ends early")
        self.at += count
        return self.data[self.at - count : self.at]


class Bits:
    """Bits of bytes, the lowest first."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bit(self):
        require(self.at < 8 * len(self.data), "the bit stream ends early")
        value = self.data[self.at >> 3] >> (self.at & 7) & 1
        self.at += 1
        return value

    def number(self, count):
        return sum(self.bit() << i for i in range(count))

    def zeros(self):
        """How many zeros come before the next one, which is read too."""
        zeros = 0
        while not self.bit():
            zeros += 1
        return zeros

    def golomb(self, order):
        rest = self.zeros() + order
        require(rest <= 20, "a number of %d bits" % rest)
        return (1 << rest | self.number(rest)) - (1 << order)

    def subset(self, count, left):
        """The numbers of the `left` of `count` entries that come before a cut."""
        fewer, width = min(left, count - left), (count - 1).bit_length()
        if count > 16 and fewer * width < count - 1:
            named = [self.number(width) for _ in range(fewer)]
            require(named == sorted(set(named)) and named[-1] < count, "entries of a level out of order")
            return named if left <= count - left else [i for i in range(count) if i not in named]
        chosen = []
        for i in range(count):
            if len(chosen) < left and (left - len(chosen) == count - i or self.bit()):
                chosen.append(i)
        return chosen

    def gap(self, rice):
        """A gap in a Rice code; 24 zeros stand before one that is written in 16 bits."""
        zeros = 0
        while zeros < 24 and not self.bit():
            zeros += 1
        return self.number(16) if zeros == 24 else (zeros << rice) + self.number(rice)

    def finish(self):
        require(8 * len(self.data) - self.at < 8, "bytes after the end of a stream")
        while self.at < 8 * len(self.data):
            require(self.bit() == 0, "the last byte is not filled with zeros")

    def gamma(self):
        zeros = 0
        while not self.bit():
            zeros += 1
            require(zeros < 32, "a gamma code that does not end")
        value = 1
        for _ in range(zeros):
            value = value << 1 | self.bit()
        return value


class Code:
    """A canonical prefix code of symbols, and the numbers that they begin."""

    def __init__(self, bits):
        self.bits = bits
        lengths, previous, gap = [], 4, False
        for _ in range(bits.number(7)):
            gamma = bits.gamma()
            if gamma == (1 if gap else 4):
                lengths.append(0)
                gap = True
                continue
            gap = False
            if gamma != 4:
                change = gamma - 1 if gamma > 4 else gamma
                previous += change // 2 if change % 2 == 0 else -(change // 2)
            require(1 <= previous <= MAX_LENGTH, "a code of %d bits" % previous)
            lengths.append(previous)
        require(len(lengths) <= 84, "too many symbols")
        used = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
        room = sum(2.0**-length for length, _ in used)
        self.single = used[0][1] if len(used) == 1 and used[0][0] == 1 else None
        require(room == 1 or not used or self.single is not None, "a code that is not complete")
        self.symbols, code, before = {}, 0, 0
        for length, symbol in used:
            code <<= length - before
            self.symbols[length, code] = symbol
            code, before = code + 1, length

    def read(self):
        return number_of(self.symbol(), self.bits)

    def symbol(self):
        if self.single is not None:
            self.bits.bit()
            return self.single
        code = 0
        for length in range(1, MAX_LENGTH + 1):
            code = code << 1 | self.bits.bit()
            if (length, code) in self.symbols:
                return self.symbols[length, code]
        raise Malformed("no such code")


def number_of(symbol, bits):
    if symbol < 16:
        return symbol
    extra = symbol // 4 - 2
    return ((4 | symbol & 3) << extra) + bits.number(extra)


class Grid:
    def __init__(self, fineness, step):
        self.fineness, self.step = fineness, step
        self.knee = 2 * math.log(fineness / step)
        self.top = math.ceil(2 / fineness)

    def value(self, depth):
        level = self.top - depth
        if level * self.step >= 2:
            return 2 * math.log(level * self.fineness / 2)
        return self.knee + level * self.step - 2


def cuts_below(entries):
    return sorted(factor << i for factor in (1, 3) for i in range(20) if factor << i < entries)


def read_cuts(third, ordered, temperatures):
    """Puts entries of equal height in order, as far as the cuts tell it; returns the corrections of tails."""
    corrections, cuts = [], cuts_below(max(len(row) for row in ordered))
    steps = [(row, 0, cut) for cut in cuts[:1] for row in ordered]
    steps += [(row, before, cut) for row in ordered for before, cut in zip(cuts, cuts[1:])]
    for row, before, cut in steps:
        if len(row) <= cut or row[cut - 1][1] != row[cut][1]:
            continue
        first = last = cut
        while first > before and row[first - 1][1] == row[cut][1]:
            first -= 1
        while last < len(row) and row[last][1] == row[cut][1]:
            last += 1
        chosen = third.subset(last - first, cut - first)
        level = row[first:last]
        row[first:last] = [level[i] for i in chosen] + [e for i, e in enumerate(level) if i not in chosen]
    for cut in cuts:
        for temperature in [1] + temperatures:
            row = -1
            for _ in range(third.golomb(0)):
                row += 1 + third.golomb(4)
                zigzag = 1 + third.golomb(0)
                corrections.append({"entries": cut, "temperature": temperature, "row": row, "steps": (zigzag >> 1) ^ -(zigzag & 1)})
    third.finish()
    return corrections


def compact_rows(fields, header, labelled_rows):
    rows, temperatures = header["rows"], header["temperatures"]
    fineness, step = fields.take("f"), fields.take("f")
    uniform, refinement = fields.take("I", 2)
    require(refinement <= 3, "refinement %d" % refinement)
    offsets = fields.take("f", rows * len(temperatures))
    first_bytes, third_bytes = fields.take("I", 2)
    first = Bits(fields.take_bytes(first_bytes))
    second = Bits(fields.take_bytes(len(fields.data) - fields.at - third_bytes))
    third = Bits(fields.take_bytes(third_bytes))
    codes = [Code(second) for _ in range(TEMPERED + 1)]
    floor, scalars, tempered = 0, [], []
    for row in range(rows):
        count = uniform or codes[COUNT].read()
        tail = codes[TAIL].read() - 1
        label = codes[LABEL].read() if row < labelled_rows else None
        tempered.append([codes[TEMPERED].read() - 1 for _ in temperatures])
        if count:
            zigzag = codes[FLOOR].read()
            floor += (zigzag >> 1) ^ -(zigzag & 1)
        scalars.append((count, tail, label, floor))
    entries = compact_entries(first, second, codes, [count for count, *_ in scalars], header)
    grid = Grid(fineness, step)
    tail_grid = Grid(fineness / (2 << refinement), step / (4 << refinement))
    tempered_grid = Grid(2**-7 / (1 << refinement), 0.046875 / (1 << refinement))
    orders = [sorted(row, key=lambda entry: -entry[1]) for row in entries]
    cut = header["kind"] in ("top_k", "top_p_k", "top_fraction")
    require(cut or third_bytes == 0, "a third stream of rows that cannot be cut")
    header["corrections"] = read_cuts(third, orders, temperatures) if cut else []
    for row, (_, tail_depth, label, floor) in enumerate(scalars):
        ordered = orders[row]
        values = [grid.value(floor - height) for _, height, _ in ordered]
        tail = tail_grid.value(tail_depth) if tail_depth >= 0 else -math.inf
        shift = math.log(sum(math.exp(value) for value in values) + math.exp(tail))
        yield {
            "ids": [token for token, _, _ in ordered],
            "log_probabilities": [value - shift for value in values],
            "log_tail_mass": tail - shift,
            "label_log_probability": None if label is None else grid.value(label) - shift,
            "draw_counts": [draws for _, _, draws in ordered] if header["kind"] == "draws" else [],
            "temperature_offsets": offsets[row * len(temperatures) : (row + 1) * len(temperatures)],
            "tempered_log_tails": [tempered_grid.value(d) if d >= 0 else -math.inf for d in tempered[row]],
            "cuts": {k: sorted(token for token, _, _ in ordered[:k]) for k in cuts_below(len(ordered))} if cut else {},
        }


def compact_entries(first, second, codes, counts, header):
    """Of each row: lists of id, height and draw count, in ascending order of id."""
    rows, left, token, places = len(counts), sum(counts), -1, []
    order = first.number(5)
    while left:
        token += 1 + first.golomb(order)
        require(token < header["vocabulary_size"], "token id %d" % token)
        count = 1 + first.golomb(0)
        require(count <= min(left, rows), "a token in %d rows" % count)
        rice = max(0, (13 * rows // (16 * count)).bit_length() - 1)
        row = -1
        for _ in range(count):
            row += 1 + first.gap(rice)
            require(row < rows, "row %d" % row)
            places.append((row, token))
        left -= count
    first.finish()
    heights = [codes[HEIGHT].read() for _ in places]
    draws = [codes[DRAWS].read() if header["kind"] == "draws" else 0 for _ in places]
    second.finish()
    entries = [[] for _ in counts]
    for (row, token), height, drawn in zip(places, heights, draws):
        entries[row].append((token, height, drawn))
    require([len(row) for row in entries] == counts, "rows with other numbers of entries than stated")
    return entries


def wide_rows(fields, header, labelled_rows):
    rows, temperatures = header["rows"], header["temperatures"]
    half = header["precision"] == 2
    value = "e" if half else "f"
    counts = fields.take("I", rows)
    entries = sum(counts)
    ids = fields.take("H" if half and header["vocabulary_size"] <= 1 << 16 else "I", entries)
    values = fields.take(value, entries)
    draws = fields.take("I", entries) if header["kind"] == "draws" else []
    tails = fields.take(value, rows)
    label = fields.take(value, labelled_rows) + [None] * (rows - labelled_rows)
    offsets = fields.take("f", rows * len(temperatures))
    tempered = fields.take(value, rows * len(temperatures))
    logits = fields.take(value, entries) if header["raw_logits"] else []
    sums = fields.take("f", rows) if header["raw_logits"] else []
    require(fields.at == len(fields.data), "bytes after the last column")
    require(all(token < header["vocabulary_size"] for token in ids), "token id past the vocabulary")
    at = 0
    for row, count in enumerate(counts):
        part = slice(at, at + count)
        at += count
        yield {
            "ids": ids[part],
            "log_probabilities": values[part],
            "log_tail_mass": tails[row],
            "label_log_probability": label[row],
            "draw_counts": draws[part],
            "temperature_offsets": offsets[row * len(temperatures) : (row + 1) * len(temperatures)],
            "tempered_log_tails": tempered[row * len(temperatures) : (row + 1) * len(temperatures)],
            "logits": logits[part],
            "log_sum_exp": sums[row] if sums else None,
        }


def decode(block):
    require(len(block) >= 108 and block[:4] == b"LYNB" and block[4] == 2, "not a block of version 2")
    stated = struct.unpack_from("<I", block, len(block) - 4)[0]
    require(crc32c(block[:-4]) == stated, "the checksum differs")
    fields = Fields(block[:-4], 5)
    precision, kind, flags = fields.take("B"), fields.take("B"), fields.take("B")
    require(precision in (1, 2, 3) and kind in KINDS and flags < 4, "unknown precision, kind or flag")
    header = {"precision": precision, "kind": KINDS[kind], "raw_logits": bool(flags & 2)}
    header["vocabulary_size"], header["k"] = fields.take("I"), fields.take("I")
    if kind == 4:
        header["seed"], header["draws"] = fields.take("q"), fields.take("I")
    else:
        header["first_parameter"], header["second_parameter"] = fields.take("d"), fields.take("f")
    header["teacher_digest"] = fields.take_bytes(32).hex()
    header["fingerprint_digest"] = fields.take_bytes(16).hex()
    header["rows_digest"] = fields.take_bytes(16).hex()
    temperatures, rows, ranges = fields.take("I", 3)
    header["temperatures"] = fields.take("f", temperatures)
    positions = []
    for _ in range(ranges):
        first, count = fields.take("I", 2)
        require(count <= rows - len(positions), "more positions than rows")
        positions += range(first, first + count)
    require(len(positions) == rows, "fewer positions than rows")
    header["rows"] = rows
    labelled_rows = rows - (flags & 1)
    read = compact_rows if precision == 3 else wide_rows
    rows = [{"position": p} | r for p, r in zip(positions, read(fields, header, labelled_rows))]
    return {"header": header, "rows": rows}


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    if not data.startswith(b"LYNB"):
        data = bytes.fromhex(data.decode())
    json.dump(decode(data), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
