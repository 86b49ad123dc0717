/** What happens to a call, a sequence and a forward, as spans of OpenTelemetry; nothing, and at no cost, where no traces are asked for. */
@NullMarked
package dev.lyne.teacher.trace;

import org.jspecify.annotations.NullMarked;
