/** Encoded rows on this server's disk, in a RocksDB database of bounded size. */
@NullMarked
package dev.lyne.teacher.cache.disk;

import org.jspecify.annotations.NullMarked;
