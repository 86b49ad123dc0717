/** What a teacher said, kept in files: shards of target blocks, an index, a manifest. The layout is in docs/capture-format.md. */
@NullMarked
package dev.lyne.wire.capture;

import org.jspecify.annotations.NullMarked;
