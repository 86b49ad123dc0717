"""The signal source for DistillKit, held to what DistillKit's losses do with a signal."""

from __future__ import annotations

import importlib
import math
import sys
from abc import ABC
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import rows
import torch
from fake_teacher import FakeTeacher

import lyne

TOKENS = torch.tensor([[5, 9, 11, 3, 60], [1, 2, 3, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
LABELS = torch.tensor([[-100, -100, 11, 3, 60], [1, 2, 3, -100, -100]])
K = 4


@pytest.fixture
def source(monkeypatch):
    """The class under test, beside DistillKit's own where that is installed, else beside its interface alone."""
    try:
        importlib.import_module("distillkit.signals")
    except ImportError:
        signals = ModuleType("distillkit.signals")

        @dataclass
        class SparseSignal:
            generation_temperature: float
            hidden_states: object
            vocab_size: int
            sparse_ids: torch.Tensor
            sparse_values: torch.Tensor
            log_values: bool

        signals.SignalSource, signals.SparseSignal = type("SignalSource", (ABC,), {}), SparseSignal
        monkeypatch.setitem(sys.modules, "distillkit", ModuleType("distillkit"))
        monkeypatch.setitem(sys.modules, "distillkit.signals", signals)
    monkeypatch.delitem(sys.modules, "lyne.distillkit", raising=False)
    yield importlib.import_module("lyne.distillkit").LyneSignalSource
    sys.modules.pop("lyne.distillkit", None)


def teacher(fake, selection=None, **arguments):
    fake.selection, fake.precision = selection or lyne.TopK(K), lyne.Precision.EXACT
    return lyne.Teacher(
        fake.address, lyne.TopK(K) if selection is None else selection.with_temperatures(()), precision="exact", **arguments
    )


def divergence(signal, logits, labels, temperature: float, *, tail: bool) -> torch.Tensor:
    """Forward KL as DistillKit has it: all positions computed, then multiplied by the mask of each position's own label."""
    mask = (labels >= 0).float()
    student = torch.log_softmax(logits * (1 / temperature), dim=-1).gather(-1, signal.sparse_ids)
    power = signal.generation_temperature / temperature
    powered = power * signal.sparse_values
    kept = powered.logsumexp(-1)
    if tail:
        left = (1 - signal.sparse_values.logsumexp(-1).exp()).clamp(0, 1) ** power
        target = powered - (kept.exp() + left).log().unsqueeze(-1)
    else:
        target = powered - kept.unsqueeze(-1)
    divergence = (target.exp() * (target - student)).sum(-1)
    if tail:
        missing = [torch.log(-torch.expm1(one.logsumexp(-1).clamp(max=-1e-6))) for one in (target, student)]
        divergence = divergence + missing[0].exp() * (missing[0] - missing[1])
    return (divergence * mask).sum()


def dense(logits, tokens, labels, temperature: float) -> float:
    """The same over the whole vocabulary, the tail as one event."""
    total = 0.0
    for row, position in np.argwhere(labels.numpy() >= 0).tolist():
        lp = rows.distribution(tokens[row].numpy(), position) / temperature
        lp -= np.log(np.exp(lp).sum())
        student = torch.log_softmax(logits[row, position] / temperature, -1).double().numpy()
        kept = lp.argsort()[::-1][:K]
        total += float((np.exp(lp[kept]) * (lp[kept] - student[kept])).sum())
        left, other = 1 - np.exp(lp[kept]).sum(), 1 - np.exp(student[kept]).sum()
        total += float(left * (np.log(left) - np.log(other)))
    return total


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_get_signal_distillkits_divergence_is_that_of_the_rows(source, temperature):
    logits = torch.randn(*TOKENS.shape, rows.VOCABULARY, generator=torch.Generator().manual_seed(7)).requires_grad_()
    selection = lyne.TopK(K) if temperature == 1 else lyne.TopK(K).with_temperatures((temperature,))
    with FakeTeacher() as fake, teacher(fake, selection, temperature=temperature) as found:
        signal = source(found).get_signal({"input_ids": TOKENS, "attention_mask": MASK, "labels": LABELS})
    assert signal.generation_temperature == temperature
    loss = divergence(signal, logits, LABELS, temperature, tail=True)
    assert loss.item() == pytest.approx(dense(logits.detach(), TOKENS, LABELS, temperature), rel=1e-4)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[LABELS < 0] == 0).all()


def test_get_signal_without_a_tail_is_finite_and_renormalised(source):
    logits = torch.zeros(*TOKENS.shape, rows.VOCABULARY, requires_grad=True)
    with FakeTeacher() as fake, teacher(fake) as found:
        signal = source(found).get_signal({"input_ids": TOKENS, "attention_mask": MASK, "labels": LABELS})
    loss = divergence(signal, logits, LABELS, 1.0, tail=False)
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(logits.grad).all()


def test_get_signal_last_token_has_its_own_row(source):
    with FakeTeacher() as fake, teacher(fake) as found:
        signal = source(found).get_signal({"input_ids": TOKENS, "attention_mask": MASK, "labels": LABELS})
    for row, last in ((0, 4), (1, 2)):
        expected = rows.distribution(TOKENS[row].numpy(), last)
        np.testing.assert_allclose(signal.sparse_values[row, last].numpy(), expected[signal.sparse_ids[row, last].numpy()], atol=1e-6)


def test_get_signal_labels_in_padding_are_refused(source):
    with FakeTeacher() as fake, teacher(fake) as found, pytest.raises(ValueError, match="padding of row 1, at position 3"):
        source(found).get_signal({"input_ids": TOKENS, "attention_mask": MASK})


def test_source_selection_of_rows_that_differ_in_length_is_refused(source):
    with FakeTeacher() as fake, teacher(fake, lyne.TopPK(0.9, K)) as found, pytest.raises(ValueError, match="expected: top_k"):
        source(found)
