"""Losses on a teacher's sparse rows over (hidden states, output matrix, targets), fused with the output layer.

    head = DistillationHead.of(model.lm_head, DistillationLoss("forward_kl"), alpha=0.9)
    terms = head(hidden, targets, labels)
    terms.loss.backward()

The logits of all positions are never there at once: they are made, and their gradient in closed form with them, a chunk of rows at a
time.
"""

from lyne.losses.fused import OutputLayer, fused_loss
from lyne.losses.head import DistillationHead, LossTerms
from lyne.losses.names import LOSSES, MISSING_MASS, DistillationLoss, LossParameter
from lyne.losses.rows import IGNORED, SparseTargets

__all__ = [
    "IGNORED",
    "LOSSES",
    "MISSING_MASS",
    "DistillationHead",
    "DistillationLoss",
    "LossParameter",
    "LossTerms",
    "OutputLayer",
    "SparseTargets",
    "fused_loss",
]
