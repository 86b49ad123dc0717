"""Blocks: the golden ones, both decoders held to each other, what is malformed, and rows that do not answer."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import rows

import lyne
from lyne.errors import MalformedBlockError
from lyne.wire import Chosen, Draws, LabelOnly, Precision, TopFraction, TopK, TopPK, decode, is_native
from lyne.wire.block import decode_checked
from lyne.wire.check import Misalignment

PROTO = Path(__file__).parents[2] / "proto/src/test"
GOLDEN = [bytes.fromhex((PROTO / f"resources/dev/lyne/wire/compact-{name}.hex").read_text().strip()) for name in ("draws", "top-k")]
TOKENS = np.random.default_rng(1).integers(0, rows.VOCABULARY, 12).astype(np.int32)
SELECTIONS = [
    TopK(4, temperatures=(2.0, 0.5)),
    TopPK(0.9, 6),
    TopFraction(0.1),
    Draws(20, 2, 7),
    Draws(20, 0, (1 << 64) - 1),
    LabelOnly(temperatures=(2.0,)),
    TopK(rows.VOCABULARY, temperatures=(0.5,)),
]
FORMS = list(itertools.product(SELECTIONS, (Precision.EXACT, Precision.HALF), (False, True)))
DECODERS = [pytest.param(True, id="native"), pytest.param(False, id="python")]


def columns(block: lyne.wire.Block) -> dict[str, np.ndarray]:
    return {f.name: getattr(block, f.name) for f in dataclasses.fields(block) if f.name != "header"}


def require_equal(one: lyne.wire.Block, other: lyne.wire.Block) -> None:
    """Bit for bit."""
    for name, column in columns(one).items():
        twin = columns(other)[name]
        assert (column.dtype, column.shape) == (twin.dtype, twin.shape), name
        assert column.tobytes() == twin.tobytes(), name


def outcome(block: bytes, native: bool):
    """What a decoder makes of bytes: a block, or how it refuses them."""
    try:
        return decode_checked(block, TOKENS, None, native=native)
    except (MalformedBlockError, Misalignment) as e:
        return type(e)


def test_is_native_with_rust_is_true():
    assert is_native(), "the native decoder was not built (expected: Rust there when lyne was installed)"


@pytest.mark.parametrize("block", GOLDEN, ids=("draws", "top-k"))
@pytest.mark.parametrize("native", DECODERS)
def test_decode_golden_block_equals_the_second_implementation(native, block):
    sys.path.insert(0, str(PROTO / "python"))
    import decode_block

    found, expected = decode(block, native), decode_block.decode(block)
    assert found.header.positions.tolist() == [row["position"] for row in expected["rows"]]
    for number, row in enumerate(expected["rows"]):
        at = slice(found.offsets[number], found.offsets[number + 1])
        # The second implementation puts equal entries in the order of all cuts, this one that of the first.
        order = sorted(range(1, len(row["ids"])), key=lambda i: (-row["log_probabilities"][i], row["ids"][i]))
        assert found.ids[at].tolist() == [row["ids"][i] for i in [0, *order][: len(row["ids"])]]
        assert found.draw_counts[at].tolist() == row["draw_counts"]
        np.testing.assert_allclose(found.logprobs[at], row["log_probabilities"], atol=1e-6)
        assert found.log_tail[number] == pytest.approx(row["log_tail_mass"], abs=1e-6)
        assert found.tau_offsets[number].tolist() == row["temperature_offsets"]
        np.testing.assert_allclose(found.tau_log_tail[number], row["tempered_log_tails"], atol=1e-6)
        label = row["label_log_probability"]
        assert math.isnan(found.label_logprob[number]) if label is None else found.label_logprob[number] == pytest.approx(label, abs=1e-6)


@pytest.mark.parametrize("block", GOLDEN, ids=("draws", "top-k"))
def test_decode_golden_block_gives_the_same_bits_in_both(block):
    require_equal(decode(block, True), decode(block, False))


def test_decode_documented_example_gives_its_tails_at_a_temperature():
    page = (Path(__file__).parents[2] / "docs/wire-format.md").read_text().split("## An example of an exact block")[1].split("```")[1]
    lines = [line.split("   ")[0] for line in page.splitlines()]
    text = "".join(lines).replace(" ", "").replace("aa…aa(32bytes)", "aa" * 32).replace("00…00(16bytes)", "00" * 16)
    for native in (True, False):
        block = decode(bytes.fromhex(text), native)
        assert block.tau_offsets.tolist() == [[-0.75], [-0.875]]
        assert block.tau_log_tail.tolist() == [[-1.25], [-1.5]]


@pytest.mark.parametrize("count", [2, 3, 16, 17, 40])
def test_first_of_entries_of_equal_height_is_the_one_marked(count):
    from lyne.wire.python_decoder import _Bits

    for first in range(count):
        mark = 1 << first if first < count - 1 else 0
        bits = first if count > 16 else mark
        assert _Bits(memoryview(bits.to_bytes(8, "little"))).first_of(count) == first


@pytest.mark.parametrize(("selection", "precision", "raw"), FORMS)
@pytest.mark.parametrize("native", DECODERS)
def test_decode_every_form_gives_what_was_encoded(selection, precision, raw, native):
    positions = np.array([0, 1, 4, 5, 11])
    found = decode_checked(rows.block(TOKENS, positions, selection, precision, raw), TOKENS, None, native)
    assert (found.header.selection, found.header.precision, found.header.raw_logits) == (selection, precision, raw)
    assert found.header.positions.tolist() == positions.tolist()
    assert np.isnan(found.label_logprob).tolist() == [False] * 4 + [True]
    for number, position in enumerate(positions):
        lp = rows.distribution(TOKENS, int(position))
        at = slice(found.offsets[number], found.offsets[number + 1])
        tolerance = 1e-6 if precision == Precision.EXACT else 1e-2
        np.testing.assert_allclose(found.logprobs[at], lp[found.ids[at]], atol=tolerance)
        if position < 11:
            assert found.label_logprob[number] == pytest.approx(lp[TOKENS[position + 1]], abs=tolerance)


@pytest.mark.parametrize(("selection", "precision", "raw"), FORMS)
def test_decode_every_form_gives_the_same_bits_in_both(selection, precision, raw):
    block = rows.block(TOKENS, np.arange(12), selection, precision, raw)
    require_equal(decode(block, True), decode(block, False))


def test_decode_checked_chosen_ids_must_be_those_asked_for():
    position = np.array([3])
    ids = rows.distribution(TOKENS, 3).argsort()[::-1][:2].astype(np.int32)
    block = rows.block(TOKENS, position, Chosen(2))
    for native in (True, False):
        decode_checked(block, TOKENS, [ids], native)
        decode_checked(block, TOKENS, [ids[::-1]], native)
        other = np.array([ids[0], (ids[1] + 1) % 64 if (ids[1] + 1) % 64 != ids[0] else (ids[1] + 2) % 64], dtype=np.int32)
        with pytest.raises(Misalignment, match="not kept"):
            decode_checked(block, TOKENS, [other], native)
        with pytest.raises(Misalignment, match="as many as were chosen"):
            decode_checked(block, TOKENS, [ids[:1]], native)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda b: b[:50], "50 bytes"),
        (lambda b: b"XXXX" + b[4:], "starts with|starts otherwise"),
        (lambda b: b[:4] + b"\x63" + b[5:], "version 99"),
        (lambda b: b[:-1] + bytes([b[-1] ^ 1]), "CRC32C"),
        (lambda b: b[:60] + bytes([b[60] ^ 1]) + b[61:], "CRC32C"),
        (lambda b: rows.sealed(b[:7] + b"\x04" + b[8:-4]), "flags 4"),
        (lambda b: rows.sealed(b[:5] + b"\x09" + b[6:-4]), "precision 9"),
        (lambda b: rows.sealed(b[:6] + b"\x07" + b[7:-4]), "selection kind 7"),
        (lambda b: rows.sealed(b[:-4] + b"\x00"), "after the last column"),
        (lambda b: rows.sealed(b[:-8]), "left for"),
    ],
)
def test_decode_malformed_bytes_are_refused_with_what_is_wrong(change, what):
    block = change(rows.block(TOKENS, np.arange(11), TopK(4)))
    for native in (True, False):
        with pytest.raises(MalformedBlockError, match=what):
            decode(block, native)


def test_decode_numbers_out_of_bounds_are_refused_in_both():
    block = rows.block(TOKENS, np.array([2]), TopK(4, temperatures=(2.0,)))
    draws, top_k = (bytearray(golden[:-4]) for golden in GOLDEN)
    taus, ranges = (int.from_bytes(top_k[at : at + 4], "little") for at in (92, 100))
    prelude = 104 + 4 * taus + 8 * ranges
    coarse = bytearray(top_k)
    coarse[prelude + 12] = 4
    taus, count, ranges = (int.from_bytes(draws[at : at + 4], "little") for at in (92, 96, 100))
    third = 104 + 4 * taus + 8 * ranges + 16 + 4 * taus * count + 4
    draws[third] = 1
    cases = [
        (block[:104] + np.array(0.005, "<f4").tobytes() + block[108:-4], "0.01..1000"),
        (block[:104] + np.array(1001, "<f4").tobytes() + block[108:-4], "0.01..1000"),
        (block[:-12] + np.array(-np.inf, "<f4").tobytes() + block[-8:-4], "temperature offset that is none"),
        (block[:-8] + np.array(np.nan, "<f4").tobytes(), "log tail mass at a temperature that is none"),
        (block[:4] + b"\x01" + block[5:-4], "version 1 .expected: 2"),
        (bytes(coarse), "refinement of tails 4"),
        (bytes(draws), "1 bytes of the third stream .expected: none"),
    ]
    for payload, what in cases:
        for native in (True, False):
            with pytest.raises(MalformedBlockError, match=what):
                decode(rows.sealed(payload), native)


def test_decode_mutated_blocks_are_refused_alike_or_equal_in_both():
    seed = np.random.SeedSequence().entropy
    random = np.random.default_rng(seed)
    blocks = [rows.block(TOKENS, np.arange(12), *form) for form in FORMS] + GOLDEN
    refused = 0
    for number in range(3000):
        mutated = bytearray(blocks[number % len(blocks)][:-4])
        for _ in range(random.integers(1, 4)):
            at = int(random.integers(5, len(mutated)))
            mutated[at] = int(random.integers(256)) if random.random() < 0.5 else mutated[at] ^ 1 << int(random.integers(8))
        if random.random() < 0.1:
            del mutated[int(random.integers(100, len(mutated))) :]
        sealed = rows.sealed(bytes(mutated))
        one, other = outcome(sealed, True), outcome(sealed, False)
        if isinstance(one, type):
            refused += 1
            assert one is other, f"seed {seed}, block {number}"
        else:
            assert not isinstance(other, type), f"seed {seed}, block {number}: {other}"
            require_equal(one, other)
    assert refused > 1000


def one_row(position: int = 2, selection=None, precision: Precision = Precision.EXACT) -> bytearray:
    return bytearray(rows.block(TOKENS, np.array([position]), selection or TopK(4), precision))


def with_floats(block: bytearray, at: int, values: list[float]) -> bytes:
    """The block with other single-precision numbers, counted from the end of its header."""
    start = 104 + 8 + at
    block[start : start + 4 * len(values)] = np.array(values, "<f4").tobytes()
    return rows.sealed(bytes(block[:-4]))


def found_columns(block: bytes) -> lyne.wire.Block:
    return decode(block, True)


# Of a row of four entries: count at 0, ids at 4, log-probabilities at 20, tail at 36, label at 40.
LP, TAIL, LABEL = 20, 36, 40


@pytest.mark.parametrize("native", DECODERS)
class TestRequireConsistent:
    def refused(self, block: bytes, what: str, native: bool, tokens: np.ndarray = TOKENS) -> None:
        with pytest.raises(Misalignment, match=what):
            decode_checked(block, tokens, None, native)

    def test_entries_out_of_order(self, native):
        block = one_row()
        lp = found_columns(bytes(block)).logprobs
        self.refused(with_floats(block, LP, [lp[1], lp[0], lp[2], lp[3]]), "the one before it", native)

    def test_entry_above_one(self, native):
        self.refused(with_floats(one_row(), LP, [0.5]), "at most 0", native)

    def test_token_twice(self, native):
        block = one_row()
        block[104 + 8 + 8 : 104 + 8 + 12] = block[104 + 8 + 4 : 104 + 8 + 8]
        self.refused(rows.sealed(bytes(block[:-4])), "twice", native)

    def test_mass_that_is_not_one(self, native):
        block = one_row()
        tail = found_columns(bytes(block)).log_tail[0]
        self.refused(with_floats(block, TAIL, [tail - 0.5]), "mass", native)

    def test_label_of_another_position(self, native):
        # The row of position 2 stands where that of 3 should: its label is another token.
        shifted = np.concatenate([TOKENS[:1], TOKENS]).astype(np.int32)
        self.refused(bytes(one_row(selection=TopK(rows.VOCABULARY))), "bit for bit", native, shifted)

    def test_label_more_probable_than_what_is_kept(self, native):
        position = next(p for p in range(11) if TOKENS[p + 1] not in rows.distribution(TOKENS, p).argsort()[::-1][:4])
        block = one_row(position)
        lp = found_columns(bytes(block)).logprobs
        self.refused(with_floats(block, LABEL, [float(lp[3]) + 0.01]), "at most the smallest kept", native)

    def test_label_of_the_last_position(self, native):
        block = rows.block(TOKENS, np.array([11]), TopK(4))
        longer = np.append(TOKENS, 1).astype(np.int32)
        self.refused(block, "finite, and none past the last token", native, longer)

    def test_tempered_mass_beyond_one(self, native):
        block = bytearray(rows.block(TOKENS, np.array([2]), TopK(4, temperatures=(2.0,))))
        start = 104 + 4 + 8 + 44
        block[start : start + 4] = np.array([5.0], "<f4").tobytes()
        self.refused(rows.sealed(bytes(block[:-4])), "c_τ at temperature 2.0", native)

    @pytest.mark.parametrize("precision", [Precision.EXACT, Precision.HALF])
    def test_tail_at_a_temperature_that_is_not_the_rest(self, native, precision):
        block = rows.block(TOKENS, np.array([2]), TopK(4, temperatures=(2.0,)), precision)
        decode_checked(block, TOKENS, None, native)
        size = 4 if precision == Precision.EXACT else 2
        tail = np.frombuffer(block[-4 - size : -4], f"<f{size}")[0]
        for other in (tail - 0.1, -np.inf):
            changed = block[: -4 - size] + np.array(other, f"<f{size}").tobytes()
            self.refused(rows.sealed(changed), "temperature 2.0", native)

    def test_tail_at_a_temperature_of_label_only_rows_is_all(self, native):
        block = rows.block(TOKENS, np.array([2]), LabelOnly(temperatures=(2.0,)))
        self.refused(rows.sealed(block[:-8] + np.array(-0.01, "<f4").tobytes()), "temperature 2.0", native)

    def test_logit_that_is_not_its_log_probability(self, native):
        block = bytearray(rows.block(TOKENS, np.array([2]), TopK(4), raw_logits=True))
        block[-8:-4] = np.array([1.7], "<f4").tobytes()
        self.refused(rows.sealed(bytes(block[:-4])), "logit", native)

    def test_draws_that_do_not_add_up(self, native):
        block = bytearray(rows.block(TOKENS, np.array([2]), Draws(20, 2, 7)))
        start = 104 + 8 + 4 + 8 * 6 + 4 * 5
        block[start] ^= 1
        self.refused(rows.sealed(bytes(block[:-4])), "draws", native)


@pytest.mark.parametrize("native", [False, True])
def test_decode_checked_tail_error_widens_mass_and_left_out_labels_alone(native):
    """A row whose tail is off by 1e-3 is noise of a teacher that says so, and damage of one that does not."""
    block = rows.block(TOKENS, np.arange(3), TopK(4), tail_factor=1 + 1e-2)
    with pytest.raises(Misalignment, match="kept and tail mass"):
        decode_checked(block, TOKENS, None, native)
    assert decode_checked(block, TOKENS, None, native, tail_error=1e-2).rows == 3
