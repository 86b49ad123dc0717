/** Benchmarks of the project's own parts, each a ratio of two things measured in one run. */
@NullMarked
package dev.lyne.load.bench;

import org.jspecify.annotations.NullMarked;
