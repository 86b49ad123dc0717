/** Runs a load: students, the times they keep, and what is counted. */
@NullMarked
package dev.lyne.load.run;

import org.jspecify.annotations.NullMarked;
