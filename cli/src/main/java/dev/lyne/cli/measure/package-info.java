/** Commands that measure: load tests, plans, benchmarks, studies. */
@NullMarked
package dev.lyne.cli.measure;

import org.jspecify.annotations.NullMarked;
