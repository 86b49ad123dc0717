/** A study: a grid of students, what came of them, and what can be told from it. */
@NullMarked
package dev.lyne.student.study;

import org.jspecify.annotations.NullMarked;

