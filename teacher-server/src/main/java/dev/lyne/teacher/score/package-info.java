/**
 * Parts that a request for rows needs: the {@link dev.lyne.teacher.score.Scorer} that answers it, its outcomes, and
 * single-flight, which answers equal requests once: from rows that are kept, from a computation in flight, or from a
 * new one. Where rows are kept, this package knows by {@link dev.lyne.teacher.score.RowStore} alone.
 */
@NullMarked
package dev.lyne.teacher.score;

import org.jspecify.annotations.NullMarked;
