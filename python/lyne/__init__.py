"""Lyne for PyTorch students: a teacher's sparse rows from a server or a capture, and the losses that learn from them.

teacher = lyne.Teacher("127.0.0.1:50051", lyne.TopK(64))
head = lyne.DistillationHead.of(model.lm_head, lyne.DistillationLoss("forward_kl"), alpha=0.9)
for batch in teacher.attach(loader):
    hidden = model.model(batch["input_ids"]).last_hidden_state
    head(hidden, lyne.sparse_targets(batch), batch["target_labels"]).loss.backward()
"""

from lyne.batches import COLUMNS, sparse_targets
from lyne.captures import Capture
from lyne.client import (
    Answered,
    ClientOptions,
    DecodeSettings,
    Ended,
    Expectation,
    Failed,
    Security,
    StreamStatistics,
    Targets,
    TargetSequence,
    TeacherClient,
    TeacherDecoder,
    TeacherDescription,
)
from lyne.errors import (
    CaptureError,
    LyneError,
    MalformedBlockError,
    MisalignedTargetsError,
    SequenceFailedError,
    TeacherMismatchError,
    TeacherRefusedError,
    TeacherUnavailableError,
)
from lyne.losses import DistillationHead, DistillationLoss, LossTerms, OutputLayer, SparseTargets
from lyne.teacher import AttachedLoader, CoverageError, Teacher
from lyne.version import VERSION as __version__
from lyne.wire import Chosen, Draws, LabelOnly, Precision, Selection, TopFraction, TopK, TopPK

__all__ = [
    "COLUMNS",
    "Answered",
    "AttachedLoader",
    "Capture",
    "CaptureError",
    "Chosen",
    "ClientOptions",
    "CoverageError",
    "DecodeSettings",
    "DistillationHead",
    "DistillationLoss",
    "Draws",
    "Ended",
    "Expectation",
    "Failed",
    "LabelOnly",
    "LossTerms",
    "LyneError",
    "MalformedBlockError",
    "MisalignedTargetsError",
    "OutputLayer",
    "Precision",
    "Security",
    "Selection",
    "SequenceFailedError",
    "SparseTargets",
    "StreamStatistics",
    "TargetSequence",
    "Targets",
    "Teacher",
    "TeacherClient",
    "TeacherDecoder",
    "TeacherDescription",
    "TeacherMismatchError",
    "TeacherRefusedError",
    "TeacherUnavailableError",
    "TopFraction",
    "TopK",
    "TopPK",
    "__version__",
    "sparse_targets",
]
