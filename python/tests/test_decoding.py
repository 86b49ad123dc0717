"""Texts that a teacher continues: draws by their keys, what the student took, lost replicas, refusals."""

from __future__ import annotations

import time

import grpc
import numpy as np
import pytest
import rows
from conftest import Server
from fake_teacher import FakeTeacher
from test_server import tokens as prompt_of_the_demo

import lyne

PROMPTS = {7: [1, 2, 3], 8: [4], (1 << 64) - 1: [5, 6]}


def by_hand(key: int, prompt: list[int], draws: int, seed: int = 11) -> tuple[list[int], list[float]]:
    """The draws of a text and their log-probabilities, by the contract's rule."""
    text, logprobs = list(prompt), []
    for number in range(draws):
        row = rows.distribution(np.array(text), len(text) - 1)
        text.append(rows.drawn(row, seed, key, number))
        logprobs.append(row[text[-1]])
    return text[len(prompt) :], logprobs


def decode(client: lyne.TeacherClient, runs: list[int], **settings) -> dict[int, tuple[list[int], list[float]]]:
    """The draws of PROMPTS in runs of so many, and their log-probabilities."""
    found: dict[int, tuple[list[int], list[float]]] = {key: ([], []) for key in PROMPTS}
    with client.decoder(lyne.DecodeSettings(seed=11, **settings)) as decoder:
        left = {key: list(runs[1:]) for key in PROMPTS}
        for key, prompt in PROMPTS.items():
            decoder.start(key, prompt, runs[0])
        while decoder.is_owed:
            event = decoder.take()
            if isinstance(event, lyne.Answered):
                found[event.key][0].extend(event.drawn.tolist())
                found[event.key][1].extend(event.logprobs.tolist())
                if left[event.key]:
                    decoder.step(event.key, draws=left[event.key].pop(0))
                else:
                    decoder.end(event.key)
            else:
                assert isinstance(event, lyne.Ended)
    return found


def client_of(*fakes: FakeTeacher) -> lyne.TeacherClient:
    options = lyne.ClientOptions(first_backoff=0.02, max_backoff=0.05, retry_for=20)
    return lyne.TeacherClient(",".join(fake.address for fake in fakes), options)


@pytest.mark.parametrize("runs", [[6], [1, 2, 3], [1] * 6])
def test_decode_draws_are_those_of_seed_and_key_however_they_are_asked_for(runs):
    with FakeTeacher(decodes=True) as fake, client_of(fake) as client:
        found = decode(client, runs)
    for key, prompt in PROMPTS.items():
        ids, logprobs = by_hand(key, prompt, 6)
        assert found[key][0] == ids
        np.testing.assert_allclose(found[key][1], logprobs, rtol=1e-6)


def test_decode_replica_that_goes_away_changes_no_draw():
    with FakeTeacher(decodes=True) as one, FakeTeacher(decodes=True) as other, client_of(one, other) as client:
        one.abort_decodes = other.abort_decodes = {2, 5, 6, 9}
        found = decode(client, [2, 2, 2])
    assert one.decoded + other.decoded > 9
    assert {key: ids for key, (ids, _) in found.items()} == {key: by_hand(key, prompt, 6)[0] for key, prompt in PROMPTS.items()}


def test_decode_taken_tokens_are_answered_and_drawn_on():
    with FakeTeacher(decodes=True) as fake, client_of(fake) as client, client.decoder(lyne.DecodeSettings(seed=11)) as decoder:
        decoder.start(3, [9, 8])
        decoder.step(3, [40, 41], draws=1)
        event = decoder.take()
        text = [9, 8, 40, 41]
        expected = [rows.distribution(np.array(text), at)[text[at + 1]] for at in (1, 2)]
        row = rows.distribution(np.array(text), 3)
        drawn = rows.drawn(row, 11, 3, 2)
        assert (event.taken, event.drawn.tolist()) == (2, [drawn])
        np.testing.assert_allclose(event.logprobs, [*expected, row[drawn]], rtol=1e-6)
        assert event.proposal_logprobs.tolist() == event.logprobs.tolist()
        decoder.end(3)
        assert decoder.take() == lyne.Ended(3)
        assert not decoder.is_owed


def test_decode_priority_is_said_to_the_server():
    with FakeTeacher(decodes=True) as fake, lyne.TeacherClient(fake.address, lyne.ClientOptions(priority="interactive")) as client:
        with client.decoder() as decoder:
            decoder.start(1, [1], 1)
            decoder.take()
        assert [opened.priority for opened in fake.decode_opens] == [1]


def test_decode_stop_token_ends_a_run_of_draws():
    ids, _ = by_hand(7, PROMPTS[7], 6)
    stop = ids[2]
    with FakeTeacher(decodes=True) as fake, client_of(fake) as client:
        with client.decoder(lyne.DecodeSettings(seed=11, stop_ids=(stop,))) as decoder:
            decoder.start(7, PROMPTS[7], 6)
            assert decoder.take().drawn.tolist() == ids[: ids.index(stop) + 1]
            assert not decoder.is_owed


def test_decode_wrong_use_is_refused_with_what_is_expected():
    with FakeTeacher(decodes=True) as fake, client_of(fake) as client, client.decoder() as decoder:
        decoder.start(1, [1], 2)
        for call, words in [
            (lambda: decoder.start(1, [1], 1), "key: 1"),
            (lambda: decoder.start(2, [], 1), "prompt: 0 tokens"),
            (lambda: decoder.start(2, [rows.VOCABULARY], 1), "token 64 .expected: 0..63"),
            (lambda: decoder.start(2, [1], 128), "1 and 128 draws"),
            (lambda: decoder.step(1, [1]), "2 draws are owed"),
            (lambda: decoder.step(9), "key: 9"),
        ]:
            with pytest.raises(ValueError, match=words):
                call()
        decoder.take()
        with pytest.raises(ValueError, match="nothing is owed"):
            decoder.take()
    for wrong in ({"seed": -1}, {"temperature": float("nan")}, {"top_p": 0}, {"stop_ids": tuple(range(65))}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            lyne.DecodeSettings(**wrong)


def test_decoder_teacher_that_does_not_decode_is_refused():
    with FakeTeacher() as fake, client_of(fake) as client, pytest.raises(lyne.TeacherRefusedError, match="does not decode"):
        client.decoder()


def test_decode_process_that_slept_has_its_retry_time_anew():
    with FakeTeacher(decodes=True) as fake, client_of(fake) as client, client.decoder() as decoder:
        decoder._answered_at = decoder._moved_at = decoder._sent_at = time.monotonic() - 1000
        decoder._excuse(3)
        decoder._require_retry_time_left()
        decoder._answered_at = decoder._moved_at = decoder._sent_at = time.monotonic() - 1000
        decoder._excuse(1)
        with pytest.raises(lyne.TeacherUnavailableError):
            decoder._require_retry_time_left()


def test_decode_first_refuses_the_session_the_other_decodes():
    with FakeTeacher(decodes=True) as one, FakeTeacher(decodes=True) as other, client_of(one, other) as client:
        other.refusal = (grpc.StatusCode.NOT_FOUND, "TEACHER_NOT_FOUND", "teacher: fake (expected: other)")
        found = decode(client, [2, 2])  # the first session of seed 11 goes to the second address
    assert len(other.decode_opens) == 1
    assert {key: ids for key, (ids, _) in found.items()} == {key: by_hand(key, prompt, 4)[0] for key, prompt in PROMPTS.items()}


def test_decode_all_refuse_the_session_ends_with_what_each_says():
    with FakeTeacher(decodes=True) as one, FakeTeacher(decodes=True) as other, client_of(one, other) as client:
        one.refusal = other.refusal = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "a token that is not known")
        with client.decoder() as decoder:
            decoder.start(1, [1], 1)
            with pytest.raises(lyne.TeacherRefusedError, match=r"UNAUTHENTICATED: .*; teacher .*: UNAUTHENTICATED"):
                decoder.take()


def test_decode_first_fails_every_text_the_other_decodes_them_all():
    with FakeTeacher(decodes=True) as one, FakeTeacher(decodes=True) as other, client_of(one, other) as client:
        other.fails_texts = True
        found = decode(client, [2, 2])
    assert len(other.decode_opens) >= 1
    assert {key: ids for key, (ids, _) in found.items()} == {key: by_hand(key, prompt, 4)[0] for key, prompt in PROMPTS.items()}


def test_decode_nobody_left_gives_up_in_time():
    with FakeTeacher(decodes=True) as fake:
        options = lyne.ClientOptions(first_backoff=0.02, max_backoff=0.05, retry_for=1)
        with lyne.TeacherClient(fake.address, options) as client, client.decoder() as decoder:
            fake.stop()
            decoder.start(1, [1], 1)
            with pytest.raises(lyne.TeacherUnavailableError, match="no answer for 1 s; teacher "):
                decoder.take()


def test_decode_real_server_says_of_its_draws_what_it_scores_them_with(server: Server):
    prompt = prompt_of_the_demo().tolist()
    with lyne.TeacherClient(server.address) as client:
        texts = []
        for _ in range(2):
            with client.decoder(lyne.DecodeSettings(seed=5)) as decoder:
                decoder.start(2, prompt, 16)
                drawn, logprobs = [], []
                while decoder.is_owed:
                    event = decoder.take()
                    drawn.extend(event.drawn.tolist())
                    logprobs.extend(event.logprobs.tolist())
                texts.append((drawn, logprobs))
        assert texts[0] == texts[1]
        with client.open(lyne.LabelOnly()) as stream:
            stream.offer(lyne.TargetSequence(0, np.array(prompt + texts[0][0], dtype=np.int32)))
            scored = stream.take().label_logprob[len(prompt) - 1 :]
    np.testing.assert_allclose(texts[0][1], scored, atol=1e-4)
