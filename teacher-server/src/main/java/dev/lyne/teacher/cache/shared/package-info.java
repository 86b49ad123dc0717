/** Encoded rows in a Redis server that replicas share, behind a circuit breaker. */
@NullMarked
package dev.lyne.teacher.cache.shared;

import org.jspecify.annotations.NullMarked;
