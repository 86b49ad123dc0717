package dev.lyne.teacher.decode;

import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Rule by which a text gives its keys and values up where there is no room for another tenant's: of the tenant that
 * holds most, the longest that may. A text may have to where its tenant holds no less without it than the other with
 * what it wants, or where its tenant holds more than an even part of the memory and the other no more than one. Either
 * way the two are nearer to each other than before, so that no two texts take each other's room in turns.
 *
 * @param <T> a text
 */
final class CacheShares<T> {
    /**
     * Bytes that a text holds.
     *
     * @param bytes of its keys and values
     */
    record Held<T>(T text, String tenant, long bytes) {}

    private final long maxBytes;
    private final List<Held<T>> texts;
    private final Map<String, Long> ofTenants = new HashMap<>();

    /** @param maxBytes most bytes that all hold together */
    CacheShares(long maxBytes, List<Held<T>> texts) {
        this.maxBytes = maxBytes;
        this.texts = texts;
        texts.forEach(held -> ofTenants.merge(held.tenant(), held.bytes(), Long::sum));
    }

    /**
     * The first text to make room for a tenant's; none where it has none to ask that of, or all that it has would not be enough.
     *
     * @param more bytes that it would hold beyond what it does
     */
    Optional<T> yielding(String tenant, long more) {
        Map<String, Long> left = new HashMap<>(ofTenants);
        long after = left.merge(tenant, more, Long::sum);
        long even = maxBytes / left.size();
        long missing = left.values().stream().mapToLong(Long::longValue).sum() - maxBytes;
        Set<Held<T>> yielded = Collections.newSetFromMap(new IdentityHashMap<>());
        Optional<T> first = Optional.empty();
        do {
            Optional<Held<T>> next = texts.stream()
                    .filter(held -> held.bytes() > 0 && !held.tenant().equals(tenant) && !yielded.contains(held))
                    .filter(held -> yields(held.bytes(), bytes(left, held), after, even))
                    .max(Comparator.<Held<T>>comparingLong(held -> bytes(left, held))
                            .thenComparingLong(Held::bytes));
            if (next.isEmpty()) {
                return Optional.empty();
            }
            Held<T> one = next.get();
            yielded.add(one);
            left.merge(one.tenant(), -one.bytes(), Long::sum);
            missing -= one.bytes();
            first = first.or(() -> Optional.of(one.text()));
        } while (missing > 0);
        return first;
    }

    /** Whether a text of a tenant with so much yields to one that will have so much. */
    private static boolean yields(long bytes, long theirs, long after, long even) {
        return theirs - bytes >= after || theirs > even && after <= even;
    }

    private static <T> long bytes(Map<String, Long> left, Held<T> held) {
        return left.getOrDefault(held.tenant(), 0L);
    }
}
