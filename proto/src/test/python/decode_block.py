"""Decodes a target block, after docs/wire-format.md, with nothing but the standard library.

A second implementation, to test that the page says enough. Reads a file of hexadecimal digits (or of raw bytes) and prints one JSON
object: the header and, for each row, position, ids, log-probabilities, tail, data log-probability, draw counts, offsets.

    python3 decode_block.py BLOCK
"""

import json
import math
import struct
import sys

CODES = 39
MAX_LENGTH = 9
HEIGHT_BOUNDS = (2, 4, 7, 11, 16, 24, 40, 80)
KINDS = {1: "top_k", 2: "top_p_k", 3: "top_fraction", 4: "draws", 5: "chosen", 6: "data_only"}


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


def leading_zeros(value):
    return 32 - value.bit_length()


def compact_rows(fields, header, data_rows):
    rows, temperatures = header["rows"], header["temperatures"]
    fineness, step = fields.take("f"), fields.take("f")
    uniform = fields.take("I")
    offsets = fields.take("f", rows * len(temperatures))
    bits = Bits(fields.data[fields.at :])
    codes = [Code(bits) for _ in range(CODES)]
    grid, tail_grid = Grid(fineness, step), Grid(fineness / 2, step / 4)
    decoded = []
    for row in range(rows):
        distance = codes[0].read()
        require(distance <= min(row, 255), "a reference before the first row")
        count = uniform or codes[1].read()
        if uniform == 0 and header["kind"] == "data_only":
            require(count == 0, "entries in a data-only row")
        tail = codes[3].read() - 1
        data = codes[4].read() if row < data_rows else None
        entries = {"coded": [], "floor": 0, "entries": [], "draws": []}
        if count:
            entries = compact_entries(codes, decoded, row, distance, count, header)
        decoded.append(entries | {"tail": tail, "data": data})
    require(8 * len(bits.data) - bits.at < 8, "bytes after the last row")
    while bits.at < 8 * len(bits.data):
        require(bits.bit() == 0, "the last byte is not filled with zeros")
    for row, entry in enumerate(decoded):
        values = [grid.value(depth) for _, depth in entry["entries"]]
        tail = tail_grid.value(entry["tail"]) if entry["tail"] >= 0 else -math.inf
        shift = math.log(sum(math.exp(value) for value in values) + math.exp(tail))
        yield {
            "ids": [token for token, _ in entry["entries"]],
            "log_probabilities": [value - shift for value in values],
            "log_tail_mass": tail - shift,
            "data_log_probability": None if entry["data"] is None else grid.value(entry["data"]) - shift,
            "draw_counts": entry["draws"],
            "temperature_offsets": offsets[row * len(temperatures) : (row + 1) * len(temperatures)],
        }


def compact_entries(codes, decoded, row, distance, count, header):
    zigzag = codes[2].read()
    floor = (decoded[row - max(1, distance)]["floor"] if row else 0) + ((zigzag >> 1) ^ -(zigzag & 1))
    coded = []
    if distance:
        reference, kept = decoded[row - distance]["coded"], []
        counts = [2, 2]
        for at in range(0, len(reference), 4):
            four = codes[6 + counts[-1] + counts[-2]].read()
            require(four < 16 and four >> min(4, len(reference) - at) == 0, "entries that are not there")
            kept += [reference[at + i] for i in range(4) if four >> i & 1]
            counts.append(bin(four).count("1"))
        for height, token in kept:
            coded.append((codes[15 + sum(height >= bound for bound in HEIGHT_BOUNDS)].read(), token))
    new = count - len(coded)
    require(new >= 0, "more entries kept again than the row has")
    kind = 0 if new < 12 else 1 if new < 32 else 2
    previous = -1
    for _ in range(new):
        octaves = leading_zeros(previous + 1) - leading_zeros(header["vocabulary_size"])
        previous += 1 + codes[27 + 4 * kind + min(3, octaves)].read()
        require(previous < header["vocabulary_size"], "token id %d" % previous)
        coded.append((codes[24 + kind].read(), previous))
    draws = [codes[5].read() for _ in coded] if header["kind"] == "draws" else []
    order = sorted(range(count), key=lambda i: -coded[i][0])
    entries = [(coded[i][1], floor - coded[i][0]) for i in order]
    return {"coded": coded, "floor": floor, "entries": entries, "draws": [draws[i] for i in order] if draws else []}


def wide_rows(fields, header, data_rows):
    rows, temperatures = header["rows"], header["temperatures"]
    half = header["precision"] == 2
    value = "e" if half else "f"
    counts = fields.take("I", rows)
    entries = sum(counts)
    ids = fields.take("H" if half and header["vocabulary_size"] <= 1 << 16 else "I", entries)
    values = fields.take(value, entries)
    draws = fields.take("I", entries) if header["kind"] == "draws" else []
    tails = fields.take(value, rows)
    data = fields.take(value, data_rows) + [None] * (rows - data_rows)
    offsets = fields.take("f", rows * len(temperatures))
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
            "data_log_probability": data[row],
            "draw_counts": draws[part],
            "temperature_offsets": offsets[row * len(temperatures) : (row + 1) * len(temperatures)],
            "logits": logits[part],
            "log_sum_exp": sums[row] if sums else None,
        }


def decode(block):
    require(len(block) >= 108 and block[:4] == b"LYNB" and block[4] == 1, "not a block of version 1")
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
    data_rows = rows - (flags & 1)
    read = compact_rows if precision == 3 else wide_rows
    return {"header": header, "rows": [{"position": p} | r for p, r in zip(positions, read(fields, header, data_rows))]}


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    if not data.startswith(b"LYNB"):
        data = bytes.fromhex(data.decode())
    json.dump(decode(data), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
