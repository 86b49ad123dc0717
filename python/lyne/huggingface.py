"""Hugging Face models and trainers as students.

    model = distil(AutoModelForCausalLM.from_pretrained(DIR), DistillationLoss("forward_kl"), alpha=0.9)
    trainer = LyneTrainer(teacher, model=model, args=args, train_dataset=dataset, data_collator=collator)

`distil` leaves the model what it is: its parameters keep their names, it generates, and `save_pretrained` writes it as before.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, Trainer
from transformers.utils import ModelOutput

from lyne.batches import COLUMNS, OWN_TEXT_COLUMNS, sparse_targets
from lyne.losses import DistillationHead, DistillationLoss, LossTerms, OutputLayer, OwnTextTerms
from lyne.teacher import Teacher

__all__ = ["DistillationOutput", "LyneTrainer", "compute_loss_func", "distil"]

_OWN = (*COLUMNS, *OWN_TEXT_COLUMNS, "taid_lambda", "teacher_tail_error", "teacher_vocabulary_size", "num_items_in_batch")

_ONE_DENOMINATOR = (
    "num_items_in_batch: one number for a loss with own text, which has two denominators, labels of data and tokens of own text (expected:"
    " model.accepts_loss_kwargs = False before the Trainer is made, so that each batch has means of its own; or a loop of your own, which"
    " gives a pair)"
)


@dataclass
class DistillationOutput(ModelOutput):
    """What a student's forward gives where its batch has targets. There are no logits: they are never all there."""

    loss: Tensor | None = None
    nll: Tensor | None = None
    divergence: Tensor | None = None
    labels: Tensor | None = None
    rows: Tensor | None = None
    own_text: OwnTextTerms | None = None


def _output_layer(model: PreTrainedModel) -> OutputLayer:
    """What the family does to its logits, as its configuration says."""
    config = model.config.get_text_config()
    scale = 1.0
    if getattr(config, "logit_scale", None) is not None:
        scale = float(config.logit_scale)
    if getattr(config, "logits_scaling", None) is not None:
        scale = 1 / float(config.logits_scaling)
    return OutputLayer(scale, getattr(config, "final_logit_softcapping", None))


def distil(
    model: PreTrainedModel, loss: DistillationLoss | None = None, alpha: float = 1.0, vocabulary_size: int | None = None
) -> PreTrainedModel:
    """Lets a causal language model learn from the targets in its batches; the same model, changed in place.

    Its output layer becomes a `DistillationHead` of the same parameters, tied or not. Its forward takes the columns of
    `lyne.batches.COLUMNS`; where they are there it gives a `DistillationOutput`, else what it gave before. `vocabulary_size` is the
    teacher's, where the model's output matrix is padded beyond it; where it is left out, `LyneTrainer` and the batches say it.

    Raises:
        ValueError: for a model without a linear output layer; in its forward, for a batch of another vocabulary.
    """
    linear = model.get_output_embeddings()
    head = DistillationHead.of(linear, loss, alpha, vocabulary_size)  # type: ignore[arg-type]
    head.layer = _output_layer(model)
    model.set_output_embeddings(head)
    before = model.forward

    def forward(self: PreTrainedModel, *arguments: Any, target_token_ids: Tensor | None = None, **columns: Any) -> Any:
        if target_token_ids is None:
            for name in _OWN[1:-1]:
                columns.pop(name, None)
            return before(*arguments, **columns)
        own = {name: columns.pop(name) for name in _OWN[1:] if name in columns}
        columns.pop("labels", None)
        columns.pop("use_cache", None)
        hidden = self.base_model(*arguments, use_cache=False, **columns).last_hidden_state
        targets = sparse_targets({**own, "target_token_ids": target_token_ids})
        denominator, output = own.get("num_items_in_batch"), self.get_output_embeddings()
        if denominator is not None and not isinstance(denominator, tuple) and output.distillation.own_text is not None:
            raise ValueError(_ONE_DENOMINATOR)
        terms = output(hidden, targets, own["target_labels"], denominator)
        assert isinstance(terms, LossTerms)
        return DistillationOutput(terms.loss, terms.nll, terms.divergence, terms.labels, terms.rows, terms.own_text)

    forward.__signature__ = _with_columns(inspect.signature(before))  # type: ignore[attr-defined]
    model.forward = MethodType(forward, model)
    return model


def _with_columns(signature: inspect.Signature) -> inspect.Signature:
    """The signature that trainers look at, with the columns among its names."""
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in _OWN]
    me = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    kept = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    rest = [p for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD]
    positional = [p for p in kept if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    keyword = [p for p in kept if p.kind is inspect.Parameter.KEYWORD_ONLY and p.name not in _OWN]
    return signature.replace(parameters=[*me, *positional, *keyword, *own, *rest])


def compute_loss_func(outputs: Any, labels: Any = None, num_items_in_batch: Any = None) -> Tensor:
    """For `Trainer(compute_loss_func=…)`: the loss that the student's forward made, which is normalised there already."""
    if outputs["loss"] is None:
        raise ValueError("loss: none (expected: a model that lyne.huggingface.distil changed, and batches with targets)")
    if outputs.get("own_text") is not None:
        raise ValueError("compute_loss_func: for a loss with own text, which is a mean of its batch alone (expected: none)")
    return outputs["loss"]


class LyneTrainer(Trainer):
    """A `Trainer` of a student that `distil` made, whose batches get their rows where they are made.

    With `dataloader_num_workers` of 1 or more the rows are fetched ahead, in the workers; with 0 each step waits for its own.
    """

    def __init__(self, teacher: Teacher, model: PreTrainedModel, data_collator: Callable[..., Any], **arguments: Any):
        head = model.get_output_embeddings()
        if not isinstance(head, DistillationHead):
            raise ValueError(f"model: its output layer is {type(head).__name__} (expected: a model that distil changed)")
        if head.distillation.own_text is not None and getattr(model, "accepts_loss_kwargs", True):
            raise ValueError(_ONE_DENOMINATOR)
        forks = getattr(arguments.get("args"), "dataloader_num_workers", 0) > 0
        # gRPC that this process had used would not survive in forked workers.
        known = (teacher.describe_apart() if forks else teacher.describe()).vocabulary_size
        rows = head.weight.shape[0]
        if head.vocabulary_size is None and rows > known:
            head.vocabulary_size = known  # a padded matrix, whose other columns no row of the teacher covers
        elif (head.vocabulary_size or rows) != known:
            raise ValueError(f"vocabulary: {head.vocabulary_size or rows} ids of the student (expected: the teacher's {known})")
        self.teacher = teacher
        self._terms: dict[str, list[Tensor]] = defaultdict(list)
        super().__init__(model=model, data_collator=teacher.collator(data_collator), **arguments)
        self.label_names = ["target_labels"]

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, *arguments: Any, **rest: Any) -> Any:
        """The student's own loss, whose terms go into the log."""
        loss, outputs = super().compute_loss(model, inputs, True, *arguments, **rest)
        if model.training:
            for name in ("nll", "divergence"):
                self._terms[name].append(outputs[name].detach())
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], *arguments: Any, **rest: Any) -> None:
        """Adds the mean terms since the last log."""
        if "loss" in logs:
            for name, values in self._terms.items():
                logs[name] = float(torch.stack(values).mean())
            self._terms.clear()
        super().log(logs, *arguments, **rest)
