"""Spans of calls, of sequences and of the attempts at them, by OpenTelemetry's API where the process has set a tracer provider.

Names and attributes are the Java client's. Without the package `opentelemetry-api`, or without a provider, there are none.
"""

from __future__ import annotations

from typing import Any

from lyne.client.targets import TargetSequence
from lyne.version import VERSION

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    trace = None  # type: ignore[assignment]

__all__ = ["RequestTraces"]


class RequestTraces:
    """What a stream's spans come from. A span is None where it is not recorded."""

    def __init__(self, student: str):
        provider = None if trace is None else trace.get_tracer_provider()
        self._tracer = None
        if provider is not None and not isinstance(provider, trace.ProxyTracerProvider):
            self._tracer = provider.get_tracer("lyne", VERSION)
        self._student = student

    def call(self, method: str, replica: str) -> Any:
        """The span of a call to a replica."""
        return self._start(f"lyne.v1.TeacherService/{method}", {"server.address": replica, "lyne.student": self._student}, client=True)

    def sequence(self, sequence: TargetSequence) -> Any:
        """The span of a sequence that was offered, until it is resolved."""
        tokens = len(sequence.tokens)
        return self._start("lyne.target", {"lyne.student": self._student, "lyne.sequence": sequence.id, "lyne.tokens": tokens})

    def ask(self, sequence: Any, replica: str) -> Any:
        """The span of an attempt at a sequence."""
        return None if sequence is None else self._start("lyne.ask", {"server.address": replica}, sequence, client=True)

    def _start(self, name: str, attributes: dict[str, Any], parent: Any = None, client: bool = False) -> Any:
        if self._tracer is None:
            return None
        within = Context() if parent is None else trace.set_span_in_context(parent, Context())
        kind = trace.SpanKind.CLIENT if client else trace.SpanKind.INTERNAL
        span = self._tracer.start_span(name, within, kind, attributes)
        return span if span.is_recording() else None

    @staticmethod
    def traceparent(span: Any) -> str:
        """A span as W3C Trace Context names it; empty where it is not sampled."""
        carrier: dict[str, str] = {}
        if span is not None and span.get_span_context().trace_flags.sampled:
            TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span, Context()))
        return carrier.get("traceparent", "")

    @staticmethod
    def metadata(span: Any) -> tuple[tuple[str, str], ...]:
        """What a call carries, so that the server's span is within this one."""
        named = RequestTraces.traceparent(span)
        return (("traceparent", named),) if named else ()

    @staticmethod
    def end(span: Any, failure: BaseException | None = None) -> None:
        """Ends a span."""
        if span is not None:
            if failure is not None:
                span.set_status(trace.StatusCode.ERROR, str(failure))
            span.end()
