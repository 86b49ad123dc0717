/** Evaluation on held-out text: perplexity, agreement with a teacher, calibration. */
@NullMarked
package dev.lyne.student.evaluate;

import org.jspecify.annotations.NullMarked;
