/**
 * Captures: a teacher's rows kept in files, which are shards of target blocks, an index and a manifest. The layout is
 * in docs/capture-format.md.
 */
@NullMarked
package dev.lyne.wire.capture;

import org.jspecify.annotations.NullMarked;
