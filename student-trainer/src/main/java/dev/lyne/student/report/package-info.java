/** The report of a training run, or of several side by side, as a {@link dev.lyne.student.page.Page}. */
@NullMarked
package dev.lyne.student.report;

import org.jspecify.annotations.NullMarked;
