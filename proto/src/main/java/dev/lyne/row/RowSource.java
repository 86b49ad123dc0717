package dev.lyne.row;

import dev.lyne.v1.Source;

/**
 * Where rows came from, as the contract says it. As text it is the word that reports and metrics have: {@code computed},
 * {@code coalesced}, {@code replay}, or the name of the tier.
 *
 * @param source how the server had them
 * @param tier name of the cache tier that held them, such as {@code memory}: 1 to {@value #MAX_TIER_LENGTH} of a-z, 0-9, {@code -} and
 *     {@code _}, and no word of the others; empty unless the source is {@link Source#SOURCE_CACHED}
 */
public record RowSource(Source source, String tier) {
    /** Longest name of a tier. */
    public static final int MAX_TIER_LENGTH = 32;

    private static final String COMPUTED_WORD = "computed";
    private static final String COALESCED_WORD = "coalesced";
    private static final String REPLAYED_WORD = "replay";

    /** Computed by the model for this request. */
    public static final RowSource COMPUTED = new RowSource(Source.SOURCE_COMPUTED, "");

    /** Computed by the model for another request that was in flight already. */
    public static final RowSource COALESCED = new RowSource(Source.SOURCE_COALESCED, "");

    /** Read from a capture, without a model. */
    public static final RowSource REPLAYED = new RowSource(Source.SOURCE_REPLAYED, "");

    /** @throws IllegalArgumentException for a source that is not stated or not known, or a tier that does not go with it */
    public RowSource {
        switch (source) {
            case SOURCE_CACHED -> {
                if (!isName(tier)) {
                    throw new IllegalArgumentException("tier: '" + tier + "' (expected: the name of a cache tier, 1 to "
                            + MAX_TIER_LENGTH + " of a-z, 0-9, - and _)");
                }
            }
            case SOURCE_COMPUTED, SOURCE_COALESCED, SOURCE_REPLAYED -> {
                if (!tier.isEmpty()) {
                    throw new IllegalArgumentException("tier: '" + tier + "' (expected: none for " + source + ")");
                }
            }
            case SOURCE_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException(
                        "source: " + source + " (expected: computed, coalesced, cached or replayed)");
        }
    }

    /**
     * Read off a message.
     *
     * @param number of the contract's source
     */
    public static RowSource of(int number, String tier) {
        Source known = Source.forNumber(number);
        return new RowSource(known == null ? Source.UNRECOGNIZED : known, tier);
    }

    /** Held by the cache tier of this name. */
    public static RowSource cached(String tier) {
        return new RowSource(Source.SOURCE_CACHED, tier);
    }

    private static boolean isName(String tier) {
        for (int i = 0; i < tier.length(); i++) {
            char c = tier.charAt(i);
            if (!(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')) {
                return false;
            }
        }
        return !tier.isEmpty()
                && tier.length() <= MAX_TIER_LENGTH
                && !tier.equals(COMPUTED_WORD)
                && !tier.equals(COALESCED_WORD)
                && !tier.equals(REPLAYED_WORD);
    }

    @Override
    public String toString() {
        return switch (source) {
            case SOURCE_COMPUTED -> COMPUTED_WORD;
            case SOURCE_COALESCED -> COALESCED_WORD;
            case SOURCE_REPLAYED -> REPLAYED_WORD;
            default -> tier;
        };
    }
}
