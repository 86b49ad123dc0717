/** A study: a grid of students, what came of them, and what can be told from it. */
@NullMarked
package dev.lyne.load.study;

import org.jspecify.annotations.NullMarked;
