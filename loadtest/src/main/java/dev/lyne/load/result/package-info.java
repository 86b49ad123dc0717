/** Results of load runs: as JSON, merged over processes, and compared. */
@NullMarked
package dev.lyne.load.result;

import org.jspecify.annotations.NullMarked;
