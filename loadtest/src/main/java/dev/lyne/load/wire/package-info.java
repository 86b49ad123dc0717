/** Streams of rows that are counted rather than read: as little work a byte as gRPC allows. */
@NullMarked
package dev.lyne.load.wire;

import org.jspecify.annotations.NullMarked;
