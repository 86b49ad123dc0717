"""Losses on a teacher's sparse rows over (hidden states, output matrix, targets), fused with the output layer.

    head = DistillationHead.of(model.lm_head, DistillationLoss("forward_kl"), alpha=0.9)
    terms = head(hidden, targets, labels)
    terms.loss.backward()

The logits of all positions are never there at once: they are made, and their gradient in closed form with them, a chunk of rows at a
time.
"""

from lyne.losses.advantages import Advantages, Whitening, proposal_logprob
from lyne.losses.fused import OutputLayer, fused_loss
from lyne.losses.head import DistillationHead, LossTerms, OwnTextTerms
from lyne.losses.names import LOSSES, MISSING_MASS, DistillationLoss, LossParameter
from lyne.losses.own_text import ClippedRatio, ForwardEstimator, NoPolicy, OwnText, Policy, SquaredLogRatio
from lyne.losses.rows import IGNORED, SparseTargets
from lyne.losses.taid import TaidState

__all__ = [
    "IGNORED",
    "LOSSES",
    "MISSING_MASS",
    "Advantages",
    "ClippedRatio",
    "DistillationHead",
    "DistillationLoss",
    "ForwardEstimator",
    "LossParameter",
    "LossTerms",
    "NoPolicy",
    "OutputLayer",
    "OwnText",
    "OwnTextTerms",
    "Policy",
    "SparseTargets",
    "SquaredLogRatio",
    "TaidState",
    "Whitening",
    "fused_loss",
    "proposal_logprob",
]
