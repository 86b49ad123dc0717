"""A drop-in for the teacher client of TRL's server distillation trainers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from lyne.client import ClientOptions, Expectation, Targets, TargetSequence
from lyne.teacher import Teacher
from lyne.wire.selection import Precision, TopK

__all__ = ["TeacherClient"]

_KEYS = ("logprobs", "logprob_token_ids", "actual_logprobs", "actual_token_ids")


class TeacherClient:
    """Answers `get_sequence_logprobs` as TRL's client does, from a Lyne teacher.

    `trainer.teacher_client = lyne.trl.TeacherClient("HOST:PORT")` is all that changes. Two things are better than asked for: the label's
    log-probability is always there, kept or not; and at another temperature rows are really tempered.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        precision: Precision | str = Precision.COMPACT,
        expectation: Expectation | None = None,
        options: ClientOptions | None = None,
    ):
        self._source, self._precision, self._expectation, self._options = source, precision, expectation, options
        self._teachers: dict[tuple[int, float], Teacher] = {}

    def get_sequence_logprobs(
        self,
        sequences: Sequence[Sequence[int]],
        prompt_lengths: Sequence[int],
        top_logprobs: int = 100,
        temperature: float = 1.0,
        chunk_size: int = 0,
        max_concurrent_requests: int = 4,
    ) -> dict[str, list[Any]]:
        """The rows of each sequence's completion.

        Args:
            sequences: prompt and completion, as token ids.
            prompt_lengths: how many of them are the prompt.
            top_logprobs: entries of a row.
            temperature: that the log-probabilities are at.
            chunk_size, max_concurrent_requests: have no meaning here; the stream's window bounds what is in flight.

        Returns:
            `logprobs` and `logprob_token_ids` [batch, completion, top_logprobs], padded with −inf and 0; `actual_logprobs` and
            `actual_token_ids` [batch, completion, 1].
        """
        if len(sequences) != len(prompt_lengths):
            raise ValueError(f"prompt_lengths: {len(prompt_lengths)} (expected: {len(sequences)}, one a sequence)")
        if not temperature > 0:
            raise ValueError(f"temperature: {temperature} (expected: above 0)")
        numbered = enumerate(zip(sequences, prompt_lengths, strict=True))
        asked = [self._sequence(number, tokens, length) for number, (tokens, length) in numbered]
        answers = iter(self._teacher(top_logprobs, temperature).answers([one for one in asked if one is not None]))
        rows = [
            self._rows(tokens, length, None if one is None else next(answers), top_logprobs, temperature)
            for tokens, length, one in zip(sequences, prompt_lengths, asked, strict=True)
        ]
        return {key: [row[key] for row in rows] for key in _KEYS}

    def close(self) -> None:
        """Ends its streams."""
        for teacher in self._teachers.values():
            teacher.close()

    def _teacher(self, k: int, temperature: float) -> Teacher:
        key = (k, temperature)
        if key not in self._teachers:
            # TRL sends a temperature and gets rows at 1 from other servers; here they are at what was asked.
            self._teachers[key] = Teacher(
                self._source,
                TopK(k),
                precision=self._precision,
                temperature=temperature,
                expectation=self._expectation,
                options=self._options,
            )
        return self._teachers[key]

    @staticmethod
    def _sequence(number: int, tokens: Sequence[int], prompt_length: int) -> TargetSequence | None:
        if not 0 <= prompt_length <= len(tokens):
            raise ValueError(f"prompt_lengths: {prompt_length} of sequence {number} (expected: 0..{len(tokens)})")
        positions = np.arange(max(prompt_length, 1) - 1, len(tokens) - 1, dtype=np.int32)
        return TargetSequence(number, np.asarray(tokens, dtype=np.int64), positions) if len(positions) else None

    @staticmethod
    def _rows(tokens: Sequence[int], prompt_length: int, targets: Targets | None, k: int, temperature: float) -> dict[str, list[Any]]:
        # The first token of all has no row.
        unscored = 1 if prompt_length == 0 and tokens else 0
        found: dict[str, list[Any]] = {
            "logprobs": [[-math.inf] * k] * unscored,
            "logprob_token_ids": [[0] * k] * unscored,
            "actual_logprobs": [[-math.inf]] * unscored,
            "actual_token_ids": [[token] for token in tokens[:unscored]],
        }
        if targets is None:
            return found
        logprobs, offset = targets.logprobs.astype(np.float64), np.zeros(targets.rows)
        if temperature != 1:
            logprobs, _, offset = targets.tempered(0, temperature)
        for row in range(targets.rows):
            at = slice(targets.offsets[row], targets.offsets[row + 1])
            values = logprobs[at].tolist()
            ids = targets.ids[at].tolist()
            found["logprobs"].append(values + [-math.inf] * (k - len(values)))
            found["logprob_token_ids"].append(ids + [0] * (k - len(ids)))
            found["actual_logprobs"].append([float(targets.label_logprob[row]) / temperature + float(offset[row])])
            found["actual_token_ids"].append([int(tokens[targets.positions[row] + 1])])
        return found
