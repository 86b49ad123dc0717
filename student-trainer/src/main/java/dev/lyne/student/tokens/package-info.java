/** Token ids: documents tokenised once into memory-mapped shards, cut into windows, put into a seeded order. */
@NullMarked
package dev.lyne.student.tokens;

import org.jspecify.annotations.NullMarked;
