/** Decides what is let in: checks requests against the teacher and the server's limits, with value and expectation. */
@NullMarked
package dev.lyne.teacher.admission;

import org.jspecify.annotations.NullMarked;
