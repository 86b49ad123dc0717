"""The drop-in for TRL's teacher client, held to TRL's own formatting of the same rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rows
from fake_teacher import FakeTeacher

import lyne
from lyne.trl import TeacherClient

SEQUENCES = [[5, 9, 11, 3, 60], [1, 2, 3], [7, 7, 7, 7]]
PROMPTS = [2, 1, 4]


@pytest.fixture
def client():
    with FakeTeacher() as fake:
        fake.selection, fake.precision = lyne.TopK(4), lyne.Precision.EXACT
        found = TeacherClient(fake.address, precision="exact")
        yield found
        found.close()


def choice(sequence: list[int], k: int) -> dict:
    """What a server of completions would answer: the actual token first, then by rank."""
    entries: list[dict | None] = [None]
    for position in range(len(sequence) - 1):
        lp = rows.distribution(np.array(sequence), position)
        order = lp.argsort()[::-1].tolist()
        ids = dict.fromkeys([sequence[position + 1], *order[:k]])
        entries.append({str(i): {"logprob": float(lp[i]), "rank": order.index(i) + 1} for i in ids})
    return {"prompt_logprobs": entries}


def test_get_sequence_logprobs_has_the_shape_and_values_of_its_model(client):
    found = client.get_sequence_logprobs(SEQUENCES, PROMPTS, top_logprobs=4)
    for number, (sequence, prompt) in enumerate(zip(SEQUENCES, PROMPTS, strict=True)):
        expected = choice(sequence, 4)["prompt_logprobs"][prompt:]
        assert len(found["logprobs"][number]) == len(expected)
        for row, position in enumerate(expected):
            ranked = sorted(position.items(), key=lambda item: item[1]["rank"])[:4]
            assert found["logprob_token_ids"][number][row] == [int(i) for i, _ in ranked]
            np.testing.assert_allclose(found["logprobs"][number][row], [e["logprob"] for _, e in ranked], atol=1e-6)
            actual = sequence[prompt + row]
            assert found["actual_token_ids"][number][row] == [actual]
            assert found["actual_logprobs"][number][row][0] == pytest.approx(position[str(actual)]["logprob"], abs=1e-6)


def test_get_sequence_logprobs_trls_own_formatting_gives_the_same(client):
    from trl.generation import vllm_client

    found = client.get_sequence_logprobs(SEQUENCES[:1], PROMPTS[:1], top_logprobs=4)
    theirs = vllm_client.VLLMClient._format_sequence_logprobs(choice(SEQUENCES[0], 4), SEQUENCES[0], PROMPTS[0], 4)
    for key, value in theirs.items():
        np.testing.assert_allclose(found[key][0], value, atol=1e-6)


def test_get_sequence_logprobs_without_a_prompt_pads_the_first_token(client):
    found = client.get_sequence_logprobs([[5, 9]], [0], top_logprobs=4)
    assert found["logprobs"][0][0] == [-math.inf] * 4
    assert found["actual_token_ids"][0] == [[5], [9]]


def test_get_sequence_logprobs_after_a_call_that_failed_are_those_of_the_next(client):
    with pytest.raises(ValueError, match="999"):
        client.get_sequence_logprobs([*SEQUENCES[:2], [1, 999, 2]], [1, 1, 1], top_logprobs=4)
    found = client.get_sequence_logprobs(SEQUENCES[2:], [1], top_logprobs=4)
    expected = rows.distribution(np.array(SEQUENCES[2]), 0)
    np.testing.assert_allclose(found["actual_logprobs"][0][0], [expected[7]], rtol=1e-6)


@pytest.mark.parametrize(("prompts", "what"), [([1], "expected: 3"), ([9, 1, 1], "9 of sequence 0")])
def test_get_sequence_logprobs_prompts_that_do_not_fit_are_refused(client, prompts, what):
    with pytest.raises(ValueError, match=what):
        client.get_sequence_logprobs(SEQUENCES, prompts)
