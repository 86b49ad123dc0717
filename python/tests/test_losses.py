"""Losses against their definitions, finite differences, known values, the Java side's own scripts, and what must be refused."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import pytest
import torch
from loss_cases import Case, at_temperature, defined, name_of, valid_losses
from torch import Tensor

from lyne.losses import (
    IGNORED,
    DistillationHead,
    DistillationLoss,
    OutputLayer,
    SparseTargets,
    fused_loss,
)

VALID = valid_losses()
AT_TEMPERATURES = [variant for loss in VALID for variant in (loss, at_temperature(loss, 2.0, True), at_temperature(loss, 0.5, False))]
SCRIPTS = Path(__file__).parents[2] / "student-trainer/src/main/resources/dev/lyne/student/loss"


def seed_of(loss: DistillationLoss) -> int:
    return 5 + sum(map(ord, name_of(loss)))


def run(loss: DistillationLoss, case: Case, layer: OutputLayer | None = None, chunk_rows: int = 4):
    hidden = case.hidden.clone().requires_grad_()
    weight = case.weight.clone().requires_grad_()
    sums = fused_loss(
        hidden,
        (weight, None),
        loss,
        case.targets,
        case.labels,
        (case.data_weight, case.row_weight),
        layer,
        chunk_rows,
    )
    sums[0].backward()
    return sums.detach(), hidden.grad, weight.grad


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_valid_losses_all_pairs_are_as_many_as_in_the_documentation():
    pairs = {(loss.loss, loss.target) for loss in VALID}
    assert len(pairs) == 3 * 6 + 7 * 2 + 1 + 3


@pytest.mark.parametrize("loss", AT_TEMPERATURES, ids=name_of)
def test_fused_loss_valid_pair_equals_its_definition_and_autograd(loss):
    case = Case.random(seed_of(loss))
    hidden = case.hidden.clone().requires_grad_()
    weight = case.weight.clone().requires_grad_()
    expected = defined(loss, case, hidden @ weight.t())
    expected[0].backward()
    sums, of_hidden, of_weight = run(loss, case)
    close(sums, torch.stack(expected).detach(), 1e-11)
    close(of_hidden, hidden.grad, 1e-10)
    close(of_weight, weight.grad, 1e-10)


# No gradient flows through the weights of akl and slim, nor through taid's target; total variation has kinks.
SMOOTH = [loss for loss in AT_TEMPERATURES if loss.loss not in ("akl", "slim", "taid", "total_variation")]


@pytest.mark.parametrize("loss", SMOOTH, ids=name_of)
@pytest.mark.parametrize("projected", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["projected", "each"])
def test_fused_loss_smooth_pair_equals_finite_differences(loss, projected):
    """Along a random direction, which a wrong entry of the gradient shows in; and, where there is time, entry by entry."""
    case = Case.random(seed_of(loss), rows=5, vocabulary=9, width=3, stride=5)
    bias = torch.linspace(-1, 1, 9, dtype=torch.float64)

    def minimised(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return fused_loss(
            hidden,
            (weight, bias),
            loss,
            case.targets,
            case.labels,
            (case.data_weight, case.row_weight),
            OutputLayer(0.7, 3.0),
            2,
        )[0]

    inputs = [tensor.clone().requires_grad_() for tensor in (case.hidden, case.weight, bias)]
    assert torch.autograd.gradcheck(minimised, inputs, fast_mode=projected)


def java_script(loss: DistillationLoss):
    """The loss as the Java side runs it: its own script files, filled in as `DistillationLoss.script` does."""
    number = loss.parameter if loss.parameter is not None else 0.0
    divergence = {"random_sampling": "soft_cross_entropy"}.get(loss.loss, loss.loss)
    if loss.loss == "jsd" and number in (0, 1):
        divergence = "forward_kl" if number == 0 else "reverse_kl"
    source = "\n".join(
        (SCRIPTS / f"{name}.py").read_text()
        for name in ("engine", "labels/cross_entropy", f"targets/{loss.target}", f"divergence/{divergence}")
    )
    for word, value in (
        ("STUDENT_TEMPERATURE", repr(float(loss.student_temperature))),
        ("LOSS_SCALE", "(tau * tau)" if loss.temperature_squared else "1."),
        ("LOG_OF_PARAMETER", repr(math.log(number)) if number > 0 else "-inf"),
        ("LOG_OF_REST", repr(math.log(1 - number)) if number < 1 else "-inf"),
        ("PARAMETER", repr(float(number))),
    ):
        source = source.replace(word, value)
    names: dict = {"torch": torch, "Tensor": Tensor, "Dict": dict, "Tuple": tuple, "inf": math.inf}
    exec(source, names)
    return type("Script", (), {name: value for name, value in names.items() if callable(value)})()


def java_rows(case: Case) -> dict[str, Tensor]:
    kept = case.targets.mask
    return {
        "label": case.labels,
        "data_weight": case.data_weight,
        "distillation_weight": case.row_weight,
        "teacher_ids": case.targets.token_ids,
        "teacher_log_probs": torch.where(kept, case.targets.logprobs, -math.inf),
        "teacher_log_tail": case.targets.log_tail,
        "teacher_weights": case.targets.weights,
        "teacher_logits": case.targets.logits,
        "teacher_label_log_prob": case.targets.label_logprob,
        "taid_lambda": case.targets.taid_lambda,
    }


@pytest.mark.parametrize("loss", AT_TEMPERATURES, ids=name_of)
def test_fused_loss_valid_pair_equals_the_script_of_the_java_student(loss):
    case = Case.random(seed_of(loss) + 1)
    sums, gradient = java_script(loss).loss(case.hidden @ case.weight.t(), java_rows(case))
    found, of_hidden, of_weight = run(loss, case)
    close(found, sums, 1e-12)
    close(of_hidden, gradient @ case.weight, 1e-12)
    close(of_weight, gradient.t() @ case.hidden, 1e-12)


# Known values: means over eight rows of four ids.
STUDENT = [
    [1.1250, -0.4102, -0.0879, -2.5],
    [0.2676, 0.3535, 0.8711, -1.4688],
    [-0.1084, 1.6641, 0.0084, 0.1196],
    [0.5, -0.6406, -0.2236, -1.5938],
    [-1.5312, -1.9219, 0, -0.5039],
    [-1.5391, 1.5312, 0.5820, 0.2695],
    [-0.3887, 1.2188, 0, 0.6055],
    [0.5, 1.3828, 0.1309, -1.0312],
]
TEACHER = [
    [-0.0381, -1.2578, -1.2031, 0.0947],
    [-0.7852, 0.4492, 1.5547, 0.0972],
    [0.8203, 0.0012, 0.7656, 0.3477],
    [-1.5781, 0.4297, 0.5977, 0.3926],
    [1.5156, 0.1641, 2.0781, -0.7734],
    [-0.5898, 0.4453, -0.7969, 0.6328],
    [0.6289, -0.8359, 0.9258, 0.2109],
    [0.0006, 0.5195, 3.2344, -1.5781],
]


def golden_case(k: int) -> Case:
    teacher = torch.log_softmax(torch.tensor(TEACHER, dtype=torch.float64), -1)
    logprobs, ids = teacher.topk(k, -1)
    rest = teacher.clone().scatter_(-1, ids, -math.inf)
    targets = SparseTargets(ids, logprobs, torch.ones_like(ids, dtype=torch.bool), rest.logsumexp(-1))
    student = torch.tensor(STUDENT, dtype=torch.float64)
    rows = student.shape[0]
    zeros, ones = torch.zeros(rows, dtype=torch.float64), torch.ones(rows, dtype=torch.float64)
    return Case(student, torch.eye(4, dtype=torch.float64), targets, torch.zeros(rows, dtype=torch.long), zeros, ones)


@pytest.mark.parametrize(
    ("name", "k", "mean"),
    [
        ("forward_kl", 4, 0.6292863690),
        ("reverse_kl", 4, 0.6774912020),
        ("jsd", 4, 0.1415480206),
        ("total_variation", 4, 0.4334727617),
        ("forward_kl", 1, 0.3769642150),
        ("reverse_kl", 1, 0.3120000360),
        ("jsd", 1, 0.0741250100),
        ("forward_kl", 3, 0.6292863690),
        ("reverse_kl", 3, 0.6774912020),
        ("jsd", 3, 0.1415480206),
        ("total_variation", 3, 0.4334727617),
    ],
)
def test_fused_loss_golden_rows_gives_the_known_means(name, k, mean):
    sums, _, _ = run(DistillationLoss(name), golden_case(k))
    assert float(sums[0]) / 8 == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("name", ["forward_kl", "reverse_kl", "jsd", "skew_forward_kl", "skew_reverse_kl", "total_variation"])
def test_fused_loss_more_kept_ids_never_gives_less(name):
    values = [float(run(DistillationLoss(name), golden_case(k))[0][0]) for k in (1, 2, 3, 4)]
    assert all(less <= more + 1e-12 for less, more in itertools.pairwise(values))
    assert values[2] == pytest.approx(values[3], abs=1e-12)


@pytest.mark.parametrize("loss", VALID, ids=name_of)
def test_fused_loss_all_rows_masked_is_zero_and_so_is_its_gradient(loss):
    case = Case.random(3)
    case.data_weight.zero_()
    case.row_weight.zero_()
    sums, of_hidden, of_weight = run(loss, case)
    assert float(sums[0]) == 0 and float(sums[2]) == 0
    assert not of_hidden.any() and not of_weight.any()


@pytest.mark.parametrize("loss", VALID, ids=name_of)
def test_fused_loss_single_precision_is_close_to_double(loss):
    case = Case.random(seed_of(loss) + 2, rows=40, vocabulary=200, width=16, stride=12)
    sums, of_hidden, of_weight = run(loss, case)
    single = Case(
        case.hidden.float(),
        case.weight.float(),
        case.targets.map(lambda t: t.float() if t.is_floating_point() else t),
        case.labels,
        case.data_weight.float(),
        case.row_weight.float(),
    )
    narrow, narrow_hidden, narrow_weight = run(loss, single, chunk_rows=16)
    close(narrow.double(), sums, 1e-4)
    close(narrow_hidden.double(), of_hidden, 1e-3)
    close(narrow_weight.double(), of_weight, 1e-3)


def test_fused_loss_bfloat16_sums_in_float32():
    # A thousand equal rows: a sum in bfloat16 stops growing at 256 of them.
    loss, rows = DistillationLoss(), 1024
    two = Case.random(4, rows=4, vocabulary=32, width=8)
    one = Case(two.hidden[:1], two.weight, two.targets.map(lambda t: t[:1]), two.labels[:1], two.data_weight, two.row_weight)
    hidden = one.hidden.bfloat16().expand(rows, -1).clone().requires_grad_()
    weight = one.weight.bfloat16().requires_grad_()
    targets = one.targets.map(lambda t: t.expand(rows, *t.shape[1:]))
    ones = torch.ones(rows)
    sums = fused_loss(hidden, (weight, None), loss, targets, one.labels.expand(rows), (0 * ones, ones), chunk_rows=1)
    sums[0].backward()
    single = Case(
        one.hidden.bfloat16().double(),
        one.weight.bfloat16().double(),
        one.targets,
        one.labels,
        torch.zeros(1, dtype=torch.float64),
        torch.ones(1, dtype=torch.float64),
    )
    expected, _, of_weight = run(loss, single)
    assert sums.dtype == torch.float32
    assert float(sums[0]) == pytest.approx(rows * float(expected[0]), rel=0.01)
    close(weight.grad.double() / rows, of_weight, 0.02)


def test_fused_loss_deep_tail_keeps_its_gradient():
    # The student's mass off the kept ids is below what a float holds.
    vocabulary = 50
    hidden = torch.full((1, vocabulary), -400.0)
    hidden[0, 3], hidden[0, 5] = 0.5, 0.0
    hidden.requires_grad_()
    targets = SparseTargets(
        torch.tensor([[3, 5]]),
        torch.log(torch.tensor([[0.6, 0.3]])),
        torch.ones(1, 2, dtype=torch.bool),
        torch.log(torch.tensor([0.1])),
    )
    sums = fused_loss(
        hidden,
        (torch.eye(vocabulary), None),
        DistillationLoss(),
        targets,
        torch.tensor([3]),
        (torch.zeros(1), torch.ones(1)),
    )
    sums[0].backward()
    assert 30 < sums[0].item() < 60
    off = torch.ones(vocabulary, dtype=torch.bool)
    off[[3, 5]] = False
    close(hidden.grad[0, off], torch.full((48,), -0.1 / 48), 1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("reverse_kl", "zero"), "missing_mass: zero with loss=reverse_kl (expected: tail_bucket, both_renormalised)"),
        (("jsd", "renormalised"), "missing_mass: renormalised with loss=jsd (expected: tail_bucket, both_renormalised)"),
        (("taid", "uniform"), "missing_mass: uniform with loss=taid (expected: tail_bucket, both_renormalised)"),
        (("akl", "residual_to_gold"), "missing_mass: residual_to_gold with loss=akl (expected: tail_bucket, both_renormalised)"),
        (
            ("mse_logits", "tail_bucket"),
            "missing_mass: tail_bucket with loss=mse_logits (expected: none given, as no mass is missing)",
        ),
        (
            ("forward_kl", "tail_bucket", None, True),
            "missing_mass: tail_bucket with loss=forward_kl on draws (expected: none given, as no mass is missing)",
        ),
        (
            ("reverse_kl", None, None, True),
            "loss: reverse_kl on draws, where it is biased (expected: one of forward_kl, soft_cross_entropy, random_sampling)",
        ),
        (
            ("slim", None, None, True),
            "loss: slim on draws, where it is biased (expected: one of forward_kl, soft_cross_entropy, random_sampling)",
        ),
        (("random_sampling",), "loss: random_sampling without draws (expected: a selection that draws)"),
        (("jsd", None, 1.5), "loss_parameter: 1.5 with loss=jsd (expected: beta, 0.0 to 1.0)"),
        (("slim", None, 0.5), "loss_parameter: 0.5 with loss=slim (expected: ratio, 1 or -1)"),
        (("forward_kl", None, 0.5), "loss_parameter: 0.5 with loss=forward_kl (expected: none given, as it takes no number)"),
        (("forward_kl", None, None, False, -1.0), "student_temperature: -1.0 (expected: finite, above 0)"),
        (
            ("forward_kl", "tail"),
            "missing_mass: tail (expected: tail_bucket, renormalised, zero, both_renormalised, uniform, residual_to_gold)",
        ),
    ],
)
def test_distillation_loss_impossible_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError) as refused:
        DistillationLoss(*arguments)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("loss", "column"),
    [
        (DistillationLoss("mse_logits"), "logits"),
        (DistillationLoss("taid"), "taid_lambda"),
        (DistillationLoss("slim"), "label_logprob"),
        (DistillationLoss("random_sampling", drawn=True), "weights"),
    ],
)
def test_fused_loss_targets_without_its_column_are_refused(loss, column):
    case = Case.random(1)
    t = case.targets
    case.targets = SparseTargets(t.token_ids, t.logprobs, t.mask, t.log_tail)
    with pytest.raises(ValueError, match=f"targets without {column}"):
        run(loss, case)


def test_sparse_targets_shapes_that_differ_are_refused():
    t = Case.random(1).targets
    with pytest.raises(ValueError, match=r"log_tail: shape \[3\] \(expected: \[9\]\)"):
        SparseTargets(t.token_ids, t.logprobs, t.mask, t.log_tail[:3])


class TestDistillationHead:
    def head(self, case: Case, alpha: float) -> DistillationHead:
        return DistillationHead(torch.nn.Parameter(case.weight.clone()), None, DistillationLoss(), alpha)

    def test_forward_masked_positions_leave_the_means(self):
        case = Case.random(11)
        labels = case.labels.clone()
        labels[4:] = IGNORED
        whole = self.head(case, 0.7)(case.hidden, case.targets, labels)
        part = self.head(case, 0.7)(case.hidden[:4], case.targets.map(lambda t: t[:4]), labels[:4])
        assert int(whole.labels) == 4 and int(whole.rows) == 3  # one of the first four keeps nothing
        close(whole.loss, part.loss, 1e-12)
        close(whole.nll, part.nll, 1e-12)
        close(whole.divergence, part.divergence, 1e-12)

    def test_forward_is_the_weighted_sum_of_its_means(self):
        case = Case.random(12)
        terms = self.head(case, 0.3)(case.hidden, case.targets, case.labels)
        close(terms.loss, 0.7 * terms.nll + 0.3 * terms.divergence, 1e-12)
        nll = torch.nn.functional.cross_entropy(case.hidden @ case.weight.t(), case.labels)
        close(terms.nll, nll, 1e-12)

    def test_forward_no_label_at_all_is_zero_not_nan(self):
        case = Case.random(13)
        head = self.head(case, 0.5)
        terms = head(case.hidden.requires_grad_(), case.targets, torch.full_like(case.labels, IGNORED))
        terms.loss.backward()
        assert float(terms.loss) == 0 and not head.weight.grad.any() and not case.hidden.grad.any()

    def test_forward_accumulated_with_one_denominator_equals_the_whole_batch(self):
        case = Case.random(14)
        keeps = case.targets.mask.any(-1)
        hidden, targets, labels = case.hidden[keeps], case.targets.map(lambda t: t[keeps]), case.labels[keeps]
        whole, parts = self.head(case, 0.6), self.head(case, 0.6)
        whole(hidden, targets, labels).loss.backward()
        for at in (slice(0, 3), slice(3, None)):
            parts(hidden[at], targets.map(lambda t: t[at]), labels[at], denominator=labels.shape[0]).loss.backward()
        close(parts.weight.grad, whole.weight.grad, 1e-12)

    def test_forward_without_targets_gives_logits(self):
        case = Case.random(15)
        close(self.head(case, 1.0)(case.hidden), case.hidden @ case.weight.t(), 1e-12)

    def test_forward_tied_to_the_embedding_adds_both_gradients(self):
        case = Case.random(16)
        embedding = torch.nn.Embedding(13, 5, dtype=torch.float64)
        head = DistillationHead(embedding.weight, None, DistillationLoss(), 0.5)
        tokens = torch.arange(9)
        head(embedding(tokens).tanh(), case.targets, case.labels).loss.backward()
        both = embedding.weight.grad.clone()
        weight = embedding.weight.detach().clone().requires_grad_()
        hidden = torch.nn.functional.embedding(tokens, weight).tanh()
        log_s = torch.log_softmax(hidden @ weight.t(), -1)
        alike = Case(hidden, weight, case.targets, case.labels, torch.full((9,), 0.5 / 9), torch.full((9,), 0.5 / 8))
        defined(DistillationLoss(), alike, hidden @ weight.t())[0].backward()
        close(both, weight.grad, 1e-6)
        assert log_s.requires_grad

    def test_forward_autocast_computes_in_bfloat16_and_keeps_float32_gradients(self):
        case = Case.random(17, rows=32, vocabulary=64, width=16)
        head = DistillationHead(torch.nn.Parameter(case.weight.float()), None, DistillationLoss(), 0.5)
        hidden = case.hidden.float().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            terms = head(hidden, case.targets, case.labels)
        terms.loss.backward()
        exact = self.head(case, 0.5)(case.hidden, case.targets, case.labels)
        assert head.weight.grad.dtype == torch.float32 and terms.loss.dtype == torch.float32
        assert float(terms.loss) == pytest.approx(float(exact.loss), rel=0.02)

    def test_forward_padded_matrix_leaves_its_padding_out_of_the_softmax(self):
        case = Case.random(18)
        padded = torch.cat([case.weight, torch.full((3, 5), 4.0, dtype=torch.float64)])
        head = DistillationHead(torch.nn.Parameter(padded), None, DistillationLoss(), 0.5, vocabulary_size=13)
        terms, exact = head(case.hidden, case.targets, case.labels), self.head(case, 0.5)(case.hidden, case.targets, case.labels)
        terms.loss.backward()
        close(terms.loss, exact.loss, 1e-12)
        assert not head.weight.grad[13:].any() and head.weight.grad[:13].any()
        with pytest.raises(ValueError, match=r"vocabulary_size: 17 \(expected: 1..16, the rows of the output matrix\)"):
            DistillationHead(torch.nn.Parameter(padded), vocabulary_size=17)

    def test_init_alpha_out_of_range_is_refused(self):
        with pytest.raises(ValueError, match=r"alpha: 1.5 \(expected: 0..1\)"):
            self.head(Case.random(1), 1.5)


@pytest.mark.parametrize("name", ["reverse_kl", "akl"])
def test_head_reverse_divergence_of_noisy_tails_is_refused(name):
    case = Case.random(3)
    head = DistillationHead(torch.nn.Parameter(case.weight), loss=DistillationLoss(name))
    noisy = dataclasses.replace(case.targets, tail_error=2e-5)
    with pytest.raises(ValueError, match=rf"loss: {name} \(expected: another, since the teacher's tail_error is 2e-05 and max_tail_error"):
        head(case.hidden, noisy, case.labels)
    sound = head(case.hidden, dataclasses.replace(case.targets, tail_error=1e-6), case.labels)
    head.distillation = DistillationLoss(name, max_tail_error=1e-4)
    torch.testing.assert_close(head(case.hidden, noisy, case.labels).loss, sound.loss, rtol=0, atol=0)
