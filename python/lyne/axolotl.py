"""Batches for axolotl's distillation trainer (`kd_trainer`), with a Lyne teacher's rows, in the place of those of its own collators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from lyne.batches import COLUMNS
from lyne.teacher import Batch, Teacher

__all__ = ["KDCollator", "kd_batch"]

_TAKEN = ("target_token_ids", "target_logprobs", "target_mask")
_LEFT_OUT = {*COLUMNS, "teacher_tail_error", "teacher_vocabulary_size"} - {*_TAKEN}


def kd_batch(batch: Mapping[str, Any], kd_normalize_topk: bool) -> Batch:
    """A batch with a teacher's columns as axolotl's trainer takes one: the three columns, and what is the model's.

    With `kd_normalize_topk` axolotl renormalises the student over all K ids of a position and believes that the teacher is renormalised
    already; so here it is.

    Raises:
        ValueError: for rows of draws; with `kd_normalize_topk` for rows that keep fewer than K ids.
    """
    if "target_weights" in batch:
        raise ValueError("rows: of draws (expected: those of another selection, as TopK; axolotl weighs ids by their probability)")
    taken = {name: value for name, value in batch.items() if name not in _LEFT_OUT}
    if kd_normalize_topk:
        mask, logprobs = batch["target_mask"], batch["target_logprobs"]
        short = (mask.any(-1) & ~mask.all(-1)).nonzero()
        if len(short):
            row, position = short[0].tolist()
            raise ValueError(
                f"rows: {int(mask[row, position].sum())} ids in row {row}, at position {position} (expected: {mask.shape[-1]}, as elsewhere"
                " with kd_normalize_topk, since axolotl renormalises the student over all of them: a selection as TopK)"
            )
        taken["target_logprobs"] = torch.where(mask, logprobs - logprobs.logsumexp(-1, keepdim=True), -torch.inf)
    return taken


class KDCollator:
    """A collator that adds a teacher's rows to the batches of another as axolotl's trainer takes them.

    Args:
        collate: makes batches without rows: `input_ids`, `labels`, `attention_mask`, and `position_ids` where documents are packed.
        kd_normalize_topk, kd_temperature: those of axolotl's configuration, where None stands for False and 1.

    Raises:
        ValueError: for another temperature than that of the teacher's rows.
    """

    def __init__(
        self,
        teacher: Teacher,
        collate: Callable[..., Batch],
        kd_normalize_topk: bool | None = None,
        kd_temperature: float | None = None,
    ):
        temperature = 1.0 if kd_temperature is None else kd_temperature
        if float(np.float32(temperature)) != teacher.temperature:
            raise ValueError(f"kd_temperature: {temperature} (expected: {teacher.temperature}, that of the teacher's rows)")
        self._collate, self._normalize_topk = teacher.collator(collate), bool(kd_normalize_topk)

    def __call__(self, features: list[Any], return_tensors: str | None = None) -> Batch:
        return kd_batch(self._collate(features), self._normalize_topk)
