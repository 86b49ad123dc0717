"""Spans of a stream, as OpenTelemetry's own library records them."""

from __future__ import annotations

import pytest
from fake_teacher import INVALID, FakeTeacher, failed
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from test_client import options, sequence

import lyne

CALL = "lyne.v1.TeacherService/ScoreSequences"


@pytest.fixture
def recorded(monkeypatch):
    """The spans of a provider that the process has set."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


def stream_two(answers) -> tuple[FakeTeacher, list[str]]:
    """Two sequences, which are taken; the teacher, and the traceparents that it was told."""
    told: list[str] = []

    def behave(asked, number):
        told.append(asked.traceparent)
        return answers(asked, number)

    with FakeTeacher(behave) as teacher:
        with lyne.TeacherClient(teacher.address, options(student="mine")) as client, client.open(lyne.TopK(4)) as stream:
            for number in range(2):
                stream.offer(sequence(number))
                try:
                    stream.take()
                except lyne.SequenceFailedError:
                    pass
    return teacher, told


def traceparent(span) -> str:
    """As W3C Trace Context writes it."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def test_stream_sequences_attempts_and_call_have_the_spans_of_the_java_client(recorded):
    teacher, told = stream_two(lambda asked, number: None)
    spans = recorded.get_finished_spans()
    assert sorted(span.name for span in spans) == sorted(["lyne.target", "lyne.ask"] * 2 + [CALL])
    call = next(span for span in spans if span.name == CALL)
    assert teacher.stream_metadata[0]["traceparent"] == traceparent(call)
    assert dict(call.attributes) == {"server.address": teacher.address, "lyne.student": "mine"}
    targets = [span for span in spans if span.name == "lyne.target"]
    asks = [span for span in spans if span.name == "lyne.ask"]
    for number, (target, ask, named) in enumerate(zip(targets, asks, told, strict=True)):
        assert target.parent is None
        assert dict(target.attributes) == {"lyne.student": "mine", "lyne.sequence": number, "lyne.tokens": 9}
        assert ask.parent.span_id == target.get_span_context().span_id
        assert ask.kind == trace.SpanKind.CLIENT and ask.attributes["server.address"] == teacher.address
        assert named == traceparent(ask)


def test_stream_sequence_that_fails_says_so(recorded):
    stream_two(lambda asked, number: failed(asked, INVALID, "no such token") if number == 0 else None)
    first, second = (span for span in recorded.get_finished_spans() if span.name == "lyne.target")
    assert first.status.status_code == trace.StatusCode.ERROR and "no such token" in first.status.description
    assert second.status.status_code == trace.StatusCode.UNSET


def test_stream_closed_with_sequences_in_flight_ends_their_spans(recorded):
    with FakeTeacher(lambda asked, number: []) as teacher:
        with lyne.TeacherClient(teacher.address, options()) as client, client.open(lyne.TopK(4)) as stream:
            stream.offer(sequence(0))
    assert sorted(span.name for span in recorded.get_finished_spans()) == sorted(["lyne.target", "lyne.ask", CALL])


@pytest.mark.parametrize("provider", [None, TracerProvider(sampler=ALWAYS_OFF)])
def test_stream_without_a_provider_or_a_sample_tells_nobody(monkeypatch, provider):
    if provider is not None:
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    teacher, told = stream_two(lambda asked, number: None)
    assert told == ["", ""]
    assert "traceparent" not in teacher.stream_metadata[0]
