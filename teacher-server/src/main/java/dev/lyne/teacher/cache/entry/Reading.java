package dev.lyne.teacher.cache.entry;

import dev.lyne.teacher.score.StoredRows;

/** What came of reading an entry. */
public sealed interface Reading {
    /** Whole, and of this teacher, machine and sequence. It may hold other rows than are wanted. */
    record Sound(StoredRows rows) implements Reading {}

    /** Not to be used. */
    record Damaged(String reason) implements Reading {}
}
