"""The checksums by which both ends know that they speak of the same tokens, rows and machine."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from lyne.v1 import teacher_pb2

__all__ = ["crc32c", "fingerprint_digest", "rows_digest", "sequence_key", "token_checksum"]

SHORT_BYTES = 16

try:
    from lyne._native import crc32c as _native_crc32c
except ImportError:
    _native_crc32c = None  # type: ignore[assignment]


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes | memoryview) -> int:
    """CRC32C (Castagnoli) of bytes."""
    if _native_crc32c is not None:
        return _native_crc32c(bytes(data))
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def _integers(values: NDArray[np.integer]) -> bytes:
    return np.ascontiguousarray(values, dtype="<u4").tobytes()


def token_checksum(tokens: NDArray[np.integer]) -> int:
    """CRC32C over token ids as 32-bit integers, as a request carries it."""
    return crc32c(_integers(tokens))


def rows_digest(tokens: NDArray[np.integer], positions: NDArray[np.integer]) -> bytes:
    """What rows answer: 16 bytes of SHA-256 over the number of tokens, the tokens and the positions."""
    return hashlib.sha256(_integers(np.array([len(tokens)])) + _integers(tokens) + _integers(positions)).digest()[:SHORT_BYTES]


def sequence_key(tokens: NDArray[np.integer]) -> bytes:
    """What a capture finds a sequence by: SHA-256 over its token ids."""
    return hashlib.sha256(_integers(tokens)).digest()


def fingerprint_digest(fingerprint: teacher_pb2.ExecutionFingerprint) -> bytes:
    """16 bytes of SHA-256 over an execution fingerprint's fields."""
    fields = (
        fingerprint.torch_version,
        fingerprint.device,
        fingerprint.cpu_capability,
        str(fingerprint.threads),
        fingerprint.compute_precision,
        str(fingerprint.arithmetic_version),
    )
    return hashlib.sha256("\n".join(fields).encode()).digest()[:SHORT_BYTES]
