"""A capture in the files that other trainers read, with what identifies its teacher beside the rows."""

from lyne.export.distillkit import to_distillkit
from lyne.export.megatron import MegatronBatches, to_megatron
from lyne.export.parquet import to_parquet

__all__ = ["MegatronBatches", "to_distillkit", "to_megatron", "to_parquet"]
