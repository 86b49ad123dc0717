"""Losses against their definitions, finite differences, known values, the Java side's own scripts, and what must be refused."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from pathlib import Path

import pytest
import torch
from loss_cases import POLICIES, Case, at_temperature, defined, name_of, own_text_losses, valid_losses
from torch import Tensor

from lyne.losses import (
    IGNORED,
    LOSSES,
    MISSING_MASS,
    Advantages,
    ClippedRatio,
    DistillationHead,
    DistillationLoss,
    ForwardEstimator,
    NoPolicy,
    OutputLayer,
    OwnText,
    Policy,
    SparseTargets,
    SquaredLogRatio,
    TaidState,
    fused_loss,
    proposal_logprob,
)
from lyne.losses.names import loss_parameter
from lyne.losses.own_text import TERMS

VALID = valid_losses()
AT_TEMPERATURES = [variant for loss in VALID for variant in (loss, at_temperature(loss, 2.0, True), at_temperature(loss, 0.5, False))]
OWN_TEXT = own_text_losses()
JAVA = Path(__file__).parents[2] / "student-trainer/src/main/java/dev/lyne/student/loss"
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
        case.weights(loss),
        layer,
        chunk_rows,
    )
    sums[0].backward()
    return sums.detach(), hidden.grad, weight.grad


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_valid_losses_all_pairs_are_as_many_as_in_the_documentation():
    pairs = {(loss.loss, loss.target) for loss in VALID}
    assert len(pairs) == 3 * 6 + 7 * 2 + 2 + 1 + 3


@pytest.mark.parametrize("loss", AT_TEMPERATURES, ids=name_of)
def test_fused_loss_valid_pair_equals_its_definition_and_autograd(loss):
    case = Case.random(seed_of(loss), drawn=loss.drawn)
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
    case = Case.random(seed_of(loss), drawn=loss.drawn, rows=5, vocabulary=9, width=3, stride=5)
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


def script_text(name: str) -> str:
    return (SCRIPTS / f"{name}.py").read_text() + "\n"


def divergence_script(loss: str, parameter: float | None) -> tuple[str, str]:
    """The file of the Java side that a divergence is in, and its text, filled in as `BuiltInLoss` and `DistillationLoss` do."""
    number = parameter if parameter is not None else 0.0
    file = {"random_sampling": "soft_cross_entropy", "decoupled_top_k_unweighted": "decoupled_top_k"}.get(loss, loss)
    if loss == "jsd" and number in (0, 1):
        file = "forward_kl" if number == 0 else "reverse_kl"
    source = script_text(f"divergence/{file}")
    for word, value in (
        ("WEIGHTED", str(loss == "decoupled_top_k")),
        ("LOG_OF_PARAMETER", repr(math.log(number)) if number > 0 else "-inf"),
        ("LOG_OF_REST", repr(math.log(1 - number)) if number < 1 else "-inf"),
        ("PARAMETER", repr(float(number))),
    ):
        source = source.replace(word, value)
    return file, source


def policy_script(policy: Policy) -> str:
    source = script_text(f"policy/{policy.key}")
    if isinstance(policy, ClippedRatio):
        for word, value in (("CLIP", policy.clip), ("INSIDE", policy.weight_inside), ("WEIGHED", policy.divergence_weighted)):
            source = source.replace(word, str(value))
    return source


def java_script(loss: DistillationLoss):
    """The loss as the Java side runs it: its own script files, filled in as `DistillationLoss.script` does."""
    own = loss.own_text
    labels = script_text("labels/cross_entropy") if own is None else script_text("labels/own_text") + policy_script(own.policy)
    source = script_text("engine") + script_text(f"targets/{loss.target}") + labels
    for word, value in (
        ("STUDENT_TEMPERATURE", repr(float(loss.student_temperature))),
        ("LOSS_SCALE", "(tau * tau)" if loss.temperature_squared else "1."),
    ):
        source = source.replace(word, value)
    _, divergence = divergence_script(loss.loss, loss.parameter)
    if own is not None and (own.loss, own.parameter) != (loss.loss, loss.parameter):
        _, other = divergence_script(own.loss, own.parameter)
        divergence = divergence.replace("def divergence(", "def divergence_on_data(") + other.replace(
            "def divergence(", "def divergence_on_own_text("
        )
        divergence += script_text("labels/divergence_by_text")
    source += divergence
    names: dict = {"torch": torch, "Tensor": Tensor, "Dict": dict, "Tuple": tuple, "inf": math.inf}
    exec(source, names)
    return type("Script", (), {name: value for name, value in names.items() if callable(value)})()


def java_rows(case: Case, loss: DistillationLoss) -> dict[str, Tensor]:
    kept = case.targets.mask
    return {
        "label": case.labels,
        "data_weight": case.weights(loss)[0],
        "distillation_weight": case.row_weight,
        "teacher_ids": case.targets.token_ids,
        "teacher_log_probs": torch.where(kept, case.targets.logprobs, -math.inf),
        "teacher_log_tail": case.targets.log_tail,
        "teacher_weights": case.targets.weights,
        "teacher_logits": case.targets.logits,
        "teacher_label_log_prob": case.targets.label_logprob,
        "taid_lambda": case.targets.taid_lambda,
        "own_text": case.targets.own_text,
        "policy_weight": case.policy_weight,
        "policy_proposal_log_prob": case.targets.policy_proposal_logprob,
        "policy_old_log_prob": case.targets.policy_old_logprob,
        "policy_advantage": case.targets.policy_advantage,
    }


@pytest.mark.parametrize("loss", AT_TEMPERATURES + OWN_TEXT, ids=name_of)
def test_fused_loss_valid_pair_equals_the_script_of_the_java_student(loss):
    case = Case.random(seed_of(loss) + 1, drawn=loss.drawn)
    sums, gradient = java_script(loss).loss(case.hidden @ case.weight.t(), java_rows(case, loss))
    found, of_hidden, of_weight = run(loss, case)
    close(found, sums, 1e-12)
    close(of_hidden, gradient @ case.weight, 1e-12)
    close(of_weight, gradient.t() @ case.hidden, 1e-12)


def enum_constants(name: str) -> dict[str, str]:
    """The constants of a Java enum by key, each with what stands in its parentheses."""
    body = re.sub(r"/\*.*?\*/|//[^\n]*", "", (JAVA / f"{name}.java").read_text(), flags=re.DOTALL)
    body = body[body.index("enum " + name) :].split("{", 1)[1].split(";", 1)[0]
    constants = re.findall(r"^ {4}([A-Z][A-Z_0-9]*)\b(.*?)(?=^ {4}[A-Z]|\Z)", body, re.MULTILINE | re.DOTALL)
    return {key.lower(): " ".join(rest.split()) for key, rest in constants}


class TestEveryLossOfTheJavaSide:
    """Fails when the Java side gets a loss that Python lacks."""

    def test_losses_are_those_of_the_java_side_in_its_order_with_its_numbers(self):
        java = enum_constants("BuiltInLoss")
        assert tuple(java) == LOSSES
        for name, text in java.items():
            number = re.search(r'Parameter(?:\.between)?\("(\w+)", ([0-9.]+)', text)
            mine = loss_parameter(name)
            assert (mine and (mine.name, mine.default)) == (number and (number[1], float(number[2]))), name

    def test_treatments_of_missing_mass_are_those_of_the_java_side(self):
        assert tuple(enum_constants("MissingMass")) == MISSING_MASS

    def test_every_script_of_the_java_side_is_compared_with(self):
        compared = AT_TEMPERATURES + OWN_TEXT
        found = {"engine"} | {f"targets/{loss.target}" for loss in compared} | {f"policy/{policy.key}" for policy in POLICIES}
        found |= {f"divergence/{divergence_script(loss.loss, loss.parameter)[0]}" for loss in compared}
        found |= {f"labels/{name}" for name in ("cross_entropy", "own_text", "divergence_by_text")}
        assert found == {str(path.relative_to(SCRIPTS).with_suffix("")) for path in SCRIPTS.rglob("*.py")}

    def test_sums_of_own_text_are_those_of_the_java_side(self):
        text = (JAVA / "OwnText.java").read_text()
        terms = re.search(r"TERMS = List\.of\((.*?)\)", text)[1]
        assert tuple(re.findall(r'"(\w+)"', terms)) == TERMS
        policies = re.findall(r"record (\w+)\([^)]*\) implements Policy", text)
        assert len(policies) == len({type(policy) for policy in POLICIES})


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("inside", [True, False])
def test_policy_term_equals_finite_differences_with_all_else_frozen(policy, inside):
    """The divergence of own text counts a factor of s/p that no gradient flows through, so the policy is looked at alone."""
    case = Case.random(21, rows=6, vocabulary=9, width=4, stride=5)
    loss = DistillationLoss("forward_kl", own_text=OwnText("reverse_kl", policy=policy))
    case.row_weight.zero_()
    if not inside:  # all ratios far out of the clip
        case.targets.policy_old_logprob.sub_(3)
        case.targets.policy_proposal_logprob.sub_(3)

    def minimised(hidden: Tensor, weight: Tensor) -> Tensor:
        return fused_loss(hidden, (weight, None), loss, case.targets, case.labels, case.weights(loss), None, 4)[0]

    inputs = [tensor.clone().requires_grad_() for tensor in (case.hidden, case.weight)]
    assert torch.autograd.gradcheck(minimised, inputs)


def test_policies_mean_gradients_over_all_tokens_are_those_of_divergences():
    """k2 and k1 as an advantage give ∇KL(s‖t), k3 ∇KL(t‖s), by enumeration of all tokens."""
    g = torch.Generator().manual_seed(5)
    s_logits, t_logits = torch.randn(7, generator=g, dtype=torch.float64), torch.randn(7, generator=g, dtype=torch.float64)
    log_s, log_t = s_logits.log_softmax(-1), t_logits.log_softmax(-1)
    ids = t_logits.argsort(descending=True)
    tokens = torch.arange(7)
    targets = SparseTargets(
        ids.expand(7, 7),
        log_t[ids].expand(7, 7),
        torch.ones(7, 7, dtype=torch.bool),
        torch.full((7,), -math.inf, dtype=torch.float64),
        label_logprob=log_t,
        own_text=torch.ones(7),
        policy_proposal_logprob=log_s,
        policy_old_logprob=log_s,
        policy_advantage=log_t - log_s,
    )

    def mean_gradient(policy: Policy) -> Tensor:
        logits = s_logits.clone().requires_grad_()
        loss = DistillationLoss("forward_kl", own_text=OwnText("reverse_kl", policy=policy))
        zero = torch.zeros(7, dtype=torch.float64)
        identity = torch.eye(7, dtype=torch.float64)
        fused_loss(logits.expand(7, 7), (identity, None), loss, targets, tokens, (zero, zero, log_s.exp()))[0].backward()
        return logits.grad

    def slope(divergence) -> Tensor:
        logits = s_logits.clone().requires_grad_()
        divergence(logits.log_softmax(-1)).backward()
        return logits.grad

    reverse = slope(lambda s: (s.exp() * (s - log_t)).sum())
    close(mean_gradient(SquaredLogRatio()), reverse, 1e-12)
    close(mean_gradient(ClippedRatio(weight_inside=True)), reverse, 1e-12)
    close(mean_gradient(ForwardEstimator()), slope(lambda s: (log_t.exp() * (log_t - s)).sum()), 1e-12)
    assert not mean_gradient(NoPolicy()).any()


class TestAdvantages:
    REWARDS = (0.5, -0.2, 0.1, -1, 0.3)

    def of(self, *log_ratios, **settings):
        return Advantages(**settings).of(log_ratios)

    def test_of_official_codes_vector_is_reproduced(self):
        (found,) = self.of(self.REWARDS, discount=0.95, length_normalisation=True, reward_clip=100)
        assert found == pytest.approx([-0.04255462, -0.18757188, -0.19308333, -0.3575, 0.3], abs=1e-8)

    def test_of_paper_is_the_sum_or_mean_of_later_rewards(self):
        (summed,) = self.of(self.REWARDS, includes_own=False)
        assert summed == pytest.approx([-0.8, -0.6, -0.7, 0.3, 0], abs=1e-12)
        (mean,) = self.of(self.REWARDS, includes_own=False, length_normalisation=True)
        assert mean == pytest.approx([-0.8 / 4, -0.6 / 3, -0.7 / 2, 0.3, 0], abs=1e-12)

    def test_of_own_reward_alone_is_scaled_and_clipped(self):
        (found,) = self.of((0.2, -3, 9), whole_return=False, reward_scale=0.5, reward_clip=1)
        assert found == pytest.approx([0.4, -1, 1])

    def test_of_whitened_tokens_have_mean_zero_and_variance_one(self):
        every = torch.cat([torch.from_numpy(own) for own in self.of(self.REWARDS, (2, -0.5), whitening="tokens")])
        assert float(every.mean()) == pytest.approx(0, abs=1e-12) and float(every.var(correction=0)) == pytest.approx(1, abs=1e-6)

    def test_of_whitened_with_padding_counts_it_as_returns_of_zero(self):
        plain = self.of(self.REWARDS, (2, -0.5))
        padded = torch.tensor([*plain[0], *plain[1], 0, 0, 0], dtype=torch.float64)
        for mine, own in zip(self.of(self.REWARDS, (2, -0.5), whitening="padded"), plain, strict=True):
            assert mine == pytest.approx((own - float(padded.mean())) / math.sqrt(float(padded.var()) + 1e-8), abs=1e-12)

    def test_of_token_that_the_teacher_rules_out_is_refused(self):
        with pytest.raises(ValueError, match=r"log t - log s of a drawn token: -inf \(expected: finite\)"):
            self.of((0.1, -math.inf))

    def test_proposal_is_the_mixture_and_refuses_what_nobody_could_draw(self):
        assert proposal_logprob(0.2, math.log(0.5), math.log(0.1)) == pytest.approx(math.log(0.2 * 0.5 + 0.8 * 0.1))
        assert proposal_logprob(0.2, -math.inf, math.log(0.1)) == pytest.approx(math.log(0.8 * 0.1))
        assert proposal_logprob(1, math.log(0.5), -math.inf) == pytest.approx(math.log(0.5))
        with pytest.raises(ValueError, match=r"teacher_mixing=0 \(expected: one that could have been drawn\)"):
            proposal_logprob(0, math.log(0.5), -math.inf)


def test_taid_state_moves_ahead_of_the_straight_line_ends_at_the_teacher_and_is_taken_up():
    state = TaidState(0.4, 100)
    assert (state.share, state.state_dict()) == (0.4, {})
    state.stepped(1, 2.0)
    assert state.share == 0.4  # nothing to compare with
    state.stepped(2, 1.0)
    assert state.share == pytest.approx(0.4 + 0.6 * 2 / 100, abs=1e-12)
    slow, restored = TaidState(0.4, 1_000_000), TaidState(0.4, 1_000_000)
    slow.stepped(1, 2.0)
    slow.stepped(2, 1.0)
    assert slow.share == pytest.approx(0.4 + 5e-4 / (1 + math.exp(-0.01 * 0.5)) * 0.6, abs=1e-12)
    restored.load_state_dict(slow.state_dict())
    for one in (slow, restored):
        one.stepped(3, 0.9)
    assert slow.share == restored.share
    state.stepped(100, 0.5)
    assert state.share == 1
    with pytest.raises(ValueError, match=r"taid.momentum: absent \(expected: as a checkpoint keeps it\)"):
        restored.load_state_dict({"lambda": 0.5})


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
    case = Case.random(3, drawn=loss.drawn)
    case.data_weight.zero_()
    case.row_weight.zero_()
    sums, of_hidden, of_weight = run(loss, case)
    assert float(sums[0]) == 0 and float(sums[2]) == 0
    assert not of_hidden.any() and not of_weight.any()


@pytest.mark.parametrize("loss", VALID, ids=name_of)
def test_fused_loss_single_precision_is_close_to_double(loss):
    case = Case.random(seed_of(loss) + 2, drawn=loss.drawn, rows=40, vocabulary=200, width=16, stride=12)
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


def test_fused_loss_float16_of_a_large_batch_keeps_its_gradient():
    # A row's weight in a batch of 2^20 labels is below what float16 can hold; a scaler's factor comes only in the backward.
    case = Case.random(5, rows=64, vocabulary=500, width=16)
    ones = torch.full((64,), 2.0**-20)

    def gradients(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        hidden, weight = (t.to(dtype).requires_grad_() for t in (case.hidden, case.weight))
        sums = fused_loss(hidden, (weight, None), DistillationLoss(), case.targets, case.labels, (ones * (case.labels >= 0), ones))
        (sums[0] * 65536).backward()
        return hidden.grad.float(), weight.grad.float()

    for narrow, wide in zip(gradients(torch.float16), gradients(torch.float32), strict=True):
        assert float((narrow - wide).norm() / wide.norm()) < 0.01


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
        (("taid", None, 0.0), "loss_parameter: 0.0 with loss=taid (expected: start, above 0, at most 1)"),
        (("decoupled_top_k", "zero"), "missing_mass: zero with loss=decoupled_top_k (expected: tail_bucket)"),
        (
            ("forward_kl", "zero", None, False, 1.0, True, 1e-5, OwnText("reverse_kl")),
            "missing_mass: zero with own_text_loss=reverse_kl (expected: tail_bucket, both_renormalised)",
        ),
        (
            ("forward_kl", None, None, True, 1.0, True, 1e-5, OwnText("reverse_kl")),
            "own_text_loss: reverse_kl on draws (expected: a loss that is defined on draws)",
        ),
        (
            ("forward_kl", None, None, False, 1.0, True, 1e-5, OwnText("mse_logits")),
            "own_text_loss: mse_logits (expected: a loss that is defined on rows of probabilities)",
        ),
        (
            ("mse_logits", None, None, False, 1.0, True, 1e-5, OwnText("reverse_kl")),
            "own_text_loss: reverse_kl with loss=mse_logits (expected: a loss on data that is not of raw logits)",
        ),
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


@pytest.mark.parametrize("column", ["own_text", "label_logprob", "policy_proposal_logprob", "policy_old_logprob", "policy_advantage"])
def test_fused_loss_own_text_without_its_column_is_refused(column):
    case = Case.random(1)
    loss = DistillationLoss(own_text=OwnText("reverse_kl", policy=ClippedRatio()))
    weights = case.weights(loss)
    targets = dataclasses.replace(case.targets, **{column: None})
    with pytest.raises(ValueError, match=f"targets without {column}"):
        fused_loss(case.hidden, (case.weight, None), loss, targets, case.labels, weights)


def test_fused_loss_own_text_without_its_weights_is_refused():
    case = Case.random(1)
    weights = (case.data_weight, case.row_weight)
    loss = DistillationLoss(own_text=OwnText())
    with pytest.raises(ValueError, match=r"weights: 2 \(expected: data, distillation and policy\)"):
        fused_loss(case.hidden, (case.weight, None), loss, case.targets, case.labels, weights)


def test_sparse_targets_shapes_that_differ_are_refused():
    t = Case.random(1).targets
    with pytest.raises(ValueError, match=r"log_tail: shape \[3\] \(expected: \[9\]\)"):
        SparseTargets(t.token_ids, t.logprobs, t.mask, t.log_tail[:3])


@pytest.mark.parametrize("drawn", [False, True])
def test_head_rows_of_another_form_than_the_loss_are_refused(drawn):
    case = Case.random(1)
    targets = dataclasses.replace(case.targets, weights=None if drawn else torch.ones_like(case.targets.logprobs))
    head = DistillationHead(torch.nn.Parameter(case.weight.clone()), None, DistillationLoss(drawn=drawn))
    with pytest.raises(ValueError, match=f"with drawn={drawn}"):
        head(case.hidden, targets, case.labels)


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

    def test_forward_targets_that_say_their_vocabulary_cut_the_padding_or_are_refused(self):
        case = Case.random(18)
        said = dataclasses.replace(case.targets, vocabulary_size=13)
        padded = torch.cat([case.weight, torch.full((3, 5), 4.0, dtype=torch.float64)])
        exact = self.head(case, 0.5)(case.hidden, case.targets, case.labels)

        def loss(matrix: torch.Tensor, vocabulary_size: int | None = None) -> torch.Tensor:
            head = DistillationHead(torch.nn.Parameter(matrix), None, DistillationLoss(), 0.5, vocabulary_size=vocabulary_size)
            return head(case.hidden, said, case.labels).loss

        close(loss(padded), exact.loss, 1e-12)
        close(loss(case.weight), exact.loss, 1e-12)
        for matrix, given, own in ((padded, 14, 14), (padded, 12, 12), (padded[:12], None, 12)):
            with pytest.raises(ValueError, match=rf"vocabulary: {own} ids of the student \(expected: the teacher's 13\)"):
                loss(matrix, given)

    def own_text_head(self, case: Case, own: OwnText, alpha: float = 0.6) -> DistillationHead:
        return DistillationHead(torch.nn.Parameter(case.weight.clone()), None, DistillationLoss(own_text=own), alpha)

    def test_forward_own_text_counts_it_and_data_as_the_java_student_does(self):
        case = Case.random(19)
        own = OwnText("reverse_kl", policy=ClippedRatio(0.2), corpus_weight=0.5)
        labels = case.labels.clone()
        labels[8] = IGNORED
        case.targets.label_logprob[3] = -math.inf  # own text whose row has not arrived
        terms = self.own_text_head(case, own)(case.hidden, case.targets, labels)
        labelled = labels >= 0
        of_own = case.targets.own_text > 0
        keeps = case.targets.mask.any(-1)
        tokens = of_own & labelled & (case.targets.label_logprob > -math.inf)
        data, data_rows = labelled & ~of_own, labelled & ~of_own & keeps
        alone = torch.float64
        weights = (
            data.to(alone) * 0.5 * 0.4 / data.sum(),
            data_rows.to(alone) * 0.5 * 0.6 / data_rows.sum() + (tokens & keeps).to(alone) / tokens.sum(),
            tokens.to(alone) / tokens.sum(),
        )
        loss = DistillationLoss(own_text=own)
        expected = fused_loss(case.hidden, (case.weight, None), loss, case.targets, labels, weights)
        close(terms.loss, expected[0], 1e-12)
        close(terms.nll, expected[1] / data.sum(), 1e-12)
        assert (int(terms.labels), int(terms.own_text.rows)) == (int(data.sum()), int(tokens.sum()))
        means = torch.stack([getattr(terms.own_text, name) for name in TERMS])
        close(means, expected[3:] / tokens.sum(), 1e-12)

    def test_forward_own_text_without_the_single_step_is_the_policy_alone(self):
        case = Case.random(20)
        every = dataclasses.replace(case.targets, own_text=torch.ones(9))
        terms = self.own_text_head(case, OwnText(policy=SquaredLogRatio(), single_step=False))(case.hidden, every, case.labels)
        close(terms.loss, terms.own_text.policy, 1e-12)
        with pytest.raises(ValueError, match=r"single_step: False \(expected: True with NoPolicy"):
            OwnText(single_step=False)

    def test_forward_own_text_accumulated_with_its_denominators_equals_the_whole_batch(self):
        case = Case.random(14)
        keeps = case.targets.mask.any(-1)
        hidden, targets, labels = case.hidden[keeps], case.targets.map(lambda t: t[keeps]), case.labels[keeps]
        own = OwnText("reverse_kl", policy=SquaredLogRatio())
        whole, parts = self.own_text_head(case, own), self.own_text_head(case, own)
        whole(hidden, targets, labels).loss.backward()
        tokens = int(targets.own_text.sum())
        for at in (slice(0, 5), slice(5, None)):
            both = (labels.shape[0] - tokens, tokens)
            parts(hidden[at], targets.map(lambda t: t[at]), labels[at], denominator=both).loss.backward()
        close(parts.weight.grad, whole.weight.grad, 1e-12)
        with pytest.raises(ValueError, match=r"denominator: one number \(expected: a pair"):
            whole(hidden, targets, labels, denominator=5)
        with pytest.raises(ValueError, match=r"denominator: a pair \(expected: one number"):
            self.head(case, 0.5)(hidden, targets, labels, denominator=(4, 5))

    def test_init_alpha_out_of_range_is_refused(self):
        with pytest.raises(ValueError, match=r"alpha: 1.5 \(expected: 0..1\)"):
            self.head(Case.random(1), 1.5)


@pytest.mark.parametrize(("name", "number"), [("reverse_kl", None), ("akl", None), ("jsd", 1), ("skew_reverse_kl", 0)])
def test_head_reverse_divergence_of_noisy_tails_is_refused(name, number):
    case = Case.random(3)
    DistillationLoss("jsd", parameter=0.9).require_tails(2e-5)  # no reverse KL before the end of its number
    head = DistillationHead(torch.nn.Parameter(case.weight), loss=DistillationLoss(name, parameter=number))
    noisy = dataclasses.replace(case.targets, tail_error=2e-5)
    with pytest.raises(ValueError, match=rf"loss: {name} \(expected: another, since the teacher's tail_error is 2e-05 and max_tail_error"):
        head(case.hidden, noisy, case.labels)
    sound = head(case.hidden, dataclasses.replace(case.targets, tail_error=1e-6), case.labels)
    head.distillation = DistillationLoss(name, parameter=number, max_tail_error=1e-4)
    torch.testing.assert_close(head(case.hidden, noisy, case.labels).loss, sound.loss, rtol=0, atol=0)
