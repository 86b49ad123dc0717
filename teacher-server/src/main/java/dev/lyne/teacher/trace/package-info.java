/** Spans of OpenTelemetry of calls, sequences and forwards; nothing, and at no cost, where no traces are asked for. */
@NullMarked
package dev.lyne.teacher.trace;

import org.jspecify.annotations.NullMarked;
