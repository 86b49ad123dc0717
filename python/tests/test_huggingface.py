"""Hugging Face students: the same model, the same loss, trained, saved and resumed."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import rows
import torch
from fake_teacher import FakeTeacher
from students import tiny
from test_batches import teacher_of
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

import lyne
from lyne.huggingface import DistillationOutput, LyneTrainer, compute_loss_func, distil
from lyne.losses import DistillationHead, OwnText, SquaredLogRatio


def examples(count: int = 24) -> list[dict]:
    random = np.random.default_rng(5)
    return [{"input_ids": random.integers(0, rows.VOCABULARY, int(random.integers(5, 12))).tolist()} for _ in range(count)]


def collate(batch: list[dict]) -> dict:
    longest = max(len(example["input_ids"]) for example in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, example in enumerate(batch):
        ids[row, : len(example["input_ids"])] = torch.tensor(example["input_ids"])
        mask[row, : len(example["input_ids"])] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.where(mask.bool(), ids, -100)}


def by_definition(model: torch.nn.Module, batch: dict, alpha: float) -> torch.Tensor:
    """(1 − α) CE + α KL over buckets, from whole logits."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.double()
    log_s = torch.log_softmax(logits, -1)
    wanted = batch["target_labels"] >= 0
    nll = -log_s[wanted].gather(-1, batch["target_labels"][wanted][:, None]).mean()
    ids, lp = batch["target_token_ids"][wanted], batch["target_logprobs"][wanted].double()
    kept = log_s[wanted].gather(-1, ids)
    tail_t, tail_s = batch["log_tail"][wanted].double(), torch.log1p(-kept.exp().sum(-1))
    divergence = ((lp.exp() * (lp - kept)).sum(-1) + tail_t.exp() * (tail_t - tail_s)).mean()
    return (1 - alpha) * nll + alpha * divergence


def test_distil_own_text_takes_its_columns_and_gives_its_terms():
    with FakeTeacher() as fake:
        fake.selection = lyne.LabelOnly()
        with teacher_of(fake) as teacher:
            batch = teacher.add_targets(collate(examples(4)))
    wanted = batch["target_labels"] >= 0
    plain = tiny(True)
    with torch.no_grad():
        log_s = torch.log_softmax(plain(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits, -1)
    drawn = log_s.gather(-1, batch["target_labels"].clamp(min=0)[..., None]).squeeze(-1)
    batch["own_text"], batch["policy_proposal_logprob"] = wanted.float(), drawn
    loss = lyne.DistillationLoss(own_text=OwnText("reverse_kl", policy=SquaredLogRatio(), single_step=False))
    output = distil(tiny(True), loss)(**batch)
    log_ratio = batch["label_logprob"][wanted] - drawn[wanted]
    assert output.own_text.k1.item() == pytest.approx(-log_ratio.mean().item(), abs=1e-5)
    assert output.loss.item() == pytest.approx(log_ratio.square().mean().item() / 2, abs=1e-5)
    assert int(output.own_text.rows) == int(wanted.sum())


@pytest.mark.parametrize("tied", [True, False])
def test_distil_gives_the_loss_and_gradients_of_the_definition(tied):
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        batch = teacher.add_targets(collate(examples(4)))
    plain, student = tiny(tied), distil(tiny(tied), lyne.DistillationLoss(), alpha=0.7)
    expected = by_definition(plain, batch, 0.7)
    expected.backward()
    output = student(**batch)
    output.loss.backward()
    assert isinstance(output, DistillationOutput)
    assert output.loss.item() == pytest.approx(expected.item(), abs=1e-5)
    named = dict(plain.named_parameters())
    for name, parameter in student.named_parameters():
        torch.testing.assert_close(parameter.grad, named[name].grad, rtol=1e-4, atol=1e-6, msg=name)


def test_distil_padded_matrix_has_no_padding_in_its_softmax():
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        batch = teacher.add_targets(collate(examples(4)))
    padded = tiny(True)
    padded.resize_token_embeddings(rows.VOCABULARY + 8)
    expected = by_definition(tiny(True), batch, 0.7)
    assert distil(padded, lyne.DistillationLoss(), alpha=0.7)(**batch).loss.item() == pytest.approx(expected.item(), abs=1e-5)
    other = tiny(True)
    other.resize_token_embeddings(rows.VOCABULARY + 8)
    with pytest.raises(ValueError, match=rf"vocabulary: {rows.VOCABULARY + 1} ids .*the teacher's {rows.VOCABULARY}"):
        distil(other, vocabulary_size=rows.VOCABULARY + 1)(**batch)


def test_distil_model_keeps_its_names_its_ties_and_its_logits():
    plain, student = tiny(), distil(tiny())
    assert list(plain.state_dict()) == list(student.state_dict())
    assert isinstance(student.get_output_embeddings(), DistillationHead)
    assert student.get_output_embeddings().weight is student.get_input_embeddings().weight
    ids = torch.arange(6)[None]
    torch.testing.assert_close(plain(input_ids=ids).logits, student(input_ids=ids).logits)
    assert {"input_ids", "labels", "target_token_ids", "log_tail"} <= set(inspect.signature(student.forward).parameters)
    assert student.generate(ids, max_new_tokens=3, do_sample=False).shape == (1, 9)


def test_distil_gpt2_family_has_its_loss_too():
    config = GPT2Config(
        vocab_size=rows.VOCABULARY, n_positions=32, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
    )
    torch.manual_seed(1)
    plain = GPT2LMHeadModel(config)
    torch.manual_seed(1)
    student = distil(GPT2LMHeadModel(config), alpha=0.5)
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        batch = teacher.add_targets(collate(examples(3)))
    assert student(**batch).loss.item() == pytest.approx(by_definition(plain, batch, 0.5).item(), abs=1e-5)


def arguments(directory, **changes) -> TrainingArguments:
    settings = {
        "per_device_train_batch_size": 4, "max_steps": 6, "logging_steps": 2, "save_steps": 3, "learning_rate": 5e-3,
        "report_to": [], "use_cpu": True, "seed": 1, "lr_scheduler_type": "constant", "remove_unused_columns": False,
    }  # fmt: skip
    return TrainingArguments(output_dir=str(directory), **{**settings, **changes})


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


class TestLyneTrainer:
    def train(self, directory, resume=None, student=None, **changes):
        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            student = student or distil(tiny(), alpha=0.9)
            trainer = LyneTrainer(teacher, student, collate, args=arguments(directory, **changes), train_dataset=examples())
            trainer.train(resume_from_checkpoint=resume)
            self.evaluated = trainer.evaluate(examples(8))
        return trainer

    def test_train_learns_logs_its_terms_and_saves_a_hugging_face_directory(self, tmp_path):
        trainer = self.train(tmp_path, max_steps=30, logging_steps=6, save_steps=30)
        logs = [log for log in trainer.state.log_history if "loss" in log]
        assert logs[-1]["divergence"] < logs[0]["divergence"]
        assert logs[0]["loss"] == pytest.approx(0.1 * logs[0]["nll"] + 0.9 * logs[0]["divergence"], abs=2e-2)
        assert self.evaluated["eval_loss"] == pytest.approx(logs[-1]["loss"], rel=0.5)
        trainer.save_model(str(tmp_path / "saved"))
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
        for name, value in loaded.state_dict().items():
            torch.testing.assert_close(value, trainer.model.state_dict()[name])

    def test_train_resumed_equals_the_undisturbed_run(self, tmp_path):
        whole = weights(self.train(tmp_path / "whole").model)
        self.train(tmp_path / "cut", max_steps=3)
        resumed = weights(self.train(tmp_path / "cut", resume=True).model)
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)

    def test_train_workers_fetch_ahead_and_change_nothing(self, tmp_path):
        whole = weights(self.train(tmp_path / "a").model)
        workers = weights(self.train(tmp_path / "b", dataloader_num_workers=2).model)
        assert all(torch.equal(whole[name], workers[name]) for name in whole)

    @pytest.mark.parametrize("labelled", [True, False])
    def test_train_step_of_packed_documents_is_of_the_mean_over_labels_with_a_target(self, tmp_path, labelled):
        def pack(batch: list[dict]) -> dict:
            """Two documents a row."""
            ids = [batch[at]["input_ids"] + batch[at + 1]["input_ids"] for at in range(0, len(batch), 2)]
            packed = collate([{"input_ids": row} for row in ids])
            packed["position_ids"] = torch.zeros_like(packed["input_ids"])
            for at, row in enumerate(packed["position_ids"]):
                lengths = [len(example["input_ids"]) for example in batch[2 * at : 2 * at + 2]]
                row[: sum(lengths)] = torch.cat([torch.arange(length) for length in lengths])
            return packed if labelled else {name: column for name, column in packed.items() if name != "labels"}

        rate, data = 0.5, examples(16)
        sgd = {"optim": "sgd", "learning_rate": rate, "max_grad_norm": 0.0, "max_steps": 1, "logging_steps": 1}
        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            student = distil(tiny(), alpha=0.7)
            settings = arguments(tmp_path, gradient_accumulation_steps=4, **sgd)
            trainer = LyneTrainer(teacher, student, pack, args=settings, train_dataset=data)
            trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(data)
            trainer.train()
            expected = distil(tiny(), alpha=0.7)
            loss = expected(**teacher.add_targets(pack(data))).loss  # all in one batch, whose own labels with a target count
        loss.backward()
        assert trainer.state.log_history[0]["loss"] == pytest.approx(loss.item(), rel=1e-5)
        for (name, parameter), found in zip(expected.named_parameters(), trainer.model.parameters(), strict=True):
            torch.testing.assert_close(found, parameter - rate * parameter.grad, rtol=1e-5, atol=1e-6, msg=name)

    def own_text(self) -> torch.nn.Module:
        return distil(tiny(), lyne.DistillationLoss(own_text=OwnText("reverse_kl", policy=SquaredLogRatio())), alpha=0.9)

    def test_own_text_is_refused_with_what_to_do_and_then_trains(self, tmp_path):
        def written(batch: list[dict]) -> dict:
            made = collate(batch)
            beside = torch.ones(made["input_ids"].shape)
            return {**made, "own_text": beside, "policy_proposal_logprob": -4 * beside}

        what = "expected: model.accepts_loss_kwargs = False before the Trainer is made"
        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            given = {"args": arguments(tmp_path), "train_dataset": examples()}
            with pytest.raises(ValueError, match=what):
                LyneTrainer(teacher, self.own_text(), written, **given)
            with pytest.raises(ValueError, match=what):
                Trainer(self.own_text(), data_collator=teacher.collator(written), **given).train()
            student = self.own_text()
            student.accepts_loss_kwargs = False
            trainer = LyneTrainer(teacher, student, written, **given)
            trainer.train()
            with pytest.raises(ValueError, match=r"compute_loss_func: for a loss with own text.*expected: none"):
                Trainer(student, data_collator=teacher.collator(written), compute_loss_func=compute_loss_func, **given).train()
        losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
        assert losses[-1] < losses[0]

    def test_init_model_that_was_not_changed_is_refused(self, tmp_path):
        with FakeTeacher() as fake, teacher_of(fake) as teacher, pytest.raises(ValueError, match="expected: a model that distil changed"):
            LyneTrainer(teacher, tiny(), collate, args=arguments(tmp_path), train_dataset=examples())

    def student_of(self, vocabulary, tmp_path, **head):
        student = tiny()
        student.resize_token_embeddings(vocabulary)
        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            trainer = LyneTrainer(teacher, distil(student, **head), collate, args=arguments(tmp_path), train_dataset=examples())
        return trainer.model

    def test_init_padded_matrix_leaves_the_padding_out(self, tmp_path):
        student = self.student_of(rows.VOCABULARY + 8, tmp_path)
        assert student.get_output_embeddings().vocabulary_size == rows.VOCABULARY

    @pytest.mark.parametrize(
        ("vocabulary", "head"), [(rows.VOCABULARY - 1, {}), (rows.VOCABULARY + 8, {"vocabulary_size": rows.VOCABULARY + 1})]
    )
    def test_init_student_of_another_vocabulary_is_refused(self, tmp_path, vocabulary, head):
        with pytest.raises(ValueError, match=f"expected: the teacher's {rows.VOCABULARY}"):
            self.student_of(vocabulary, tmp_path, **head)


def test_compute_loss_func_plain_trainer_trains_the_same(tmp_path):
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        trainer = Trainer(
            model=distil(tiny(), alpha=0.9),
            args=arguments(tmp_path / "plain"),
            train_dataset=examples(),
            data_collator=teacher.collator(collate),
            compute_loss_func=compute_loss_func,
        )
        trainer.train()
    ours = TestLyneTrainer().train(tmp_path / "ours")
    found, expected = weights(trainer.model), weights(ours.model)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert math.isfinite(trainer.state.log_history[0]["loss"])
