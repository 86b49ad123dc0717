"""A student in Lightning: rows come with the loader's batches, the loss from the student's forward.

./lyne serve --teacher demo --listen 127.0.0.1:50051
python python/examples/lightning_student.py --teacher 127.0.0.1:50051 --student DIR --tokenizer DIR --corpus text.txt --steps 50
"""

import argparse
from pathlib import Path

import lightning
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

import lyne
from lyne.huggingface import distil

CONTEXT, BATCH = 64, 4


class Student(lightning.LightningModule):
    """A Hugging Face model that learns from the teacher's rows beside its batches."""

    def __init__(self, model: PreTrainedModel, teacher: lyne.Teacher, windows: torch.Tensor):
        super().__init__()
        self.model, self._teacher, self._windows = distil(model, alpha=0.9), teacher, windows

    def train_dataloader(self) -> lyne.AttachedLoader:
        loader = torch.utils.data.DataLoader([{"input_ids": window} for window in self._windows], BATCH, shuffle=True)
        return self._teacher.attach(loader)

    def training_step(self, batch: dict, _: int) -> torch.Tensor:
        terms = self.model(**batch)
        self.log_dict({"nll": terms.nll, "divergence": terms.divergence}, prog_bar=True)
        return terms.loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("teacher", "student", "tokenizer", "corpus"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    ids = Tokenizer.from_file(f"{options.tokenizer}/tokenizer.json").encode(Path(options.corpus).read_text()).ids
    windows = torch.tensor([ids[at : at + CONTEXT] for at in range(0, len(ids) - CONTEXT, CONTEXT - 1)])
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(options.student))
    with lyne.Teacher(options.teacher, lyne.TopK(64)) as teacher:
        trainer = lightning.Trainer(
            max_steps=options.steps,
            accelerator="cpu",
            enable_progress_bar=False,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(Student(model, teacher, windows))
    print(f"steps {trainer.global_step} nll {trainer.callback_metrics['nll']:.3f}")
