package dev.lyne.lm.generation;

import dev.lyne.row.DecodeItem;

/**
 * A sequence that is continued, and its new tokens.
 *
 * @param sequence what the tokens are appended to
 * @param item the tokens, and what is asked about them
 */
public record Extension(CachedSequence sequence, DecodeItem item) {}
