"""The client of a teacher server: dial, stream, check, fail over."""

from lyne.client.client import TeacherClient
from lyne.client.decoding import Answered, DecodeSettings, Ended, Failed, TeacherDecoder
from lyne.client.description import TeacherDescription
from lyne.client.options import ClientOptions, Expectation, Security
from lyne.client.statistics import StreamStatistics
from lyne.client.stream import TargetStream
from lyne.client.targets import Targets, TargetSequence

__all__ = [
    "Answered",
    "ClientOptions",
    "DecodeSettings",
    "Ended",
    "Expectation",
    "Failed",
    "Security",
    "StreamStatistics",
    "TargetSequence",
    "TargetStream",
    "Targets",
    "TeacherClient",
    "TeacherDecoder",
    "TeacherDescription",
]
