package dev.lyne.teacher.server;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How teachers share the memory cache: each has what it asks for, else an equal part of what the others leave.
 *
 * @param bytes of the cache
 */
record CachePlan(long bytes) {
    /** Refuses teachers that ask for more than there is. */
    void requireFits(Collection<TeacherEntry> entries) {
        double asked = entries.stream()
                .mapToDouble(entry -> entry.cacheBytes().orElse(0L)) // a long may overflow
                .sum();
        if (asked > bytes) {
            throw new IllegalArgumentException("teachers: shares of the memory cache of "
                    + entries.stream()
                            .map(entry -> mib(entry.cacheBytes().orElse(0L)))
                            .collect(Collectors.joining(" + "))
                    + " MiB (expected: at most --cache-mib=" + mib(bytes) + ")");
        }
    }

    private static String mib(long bytes) {
        return Long.toString(bytes >> 20);
    }

    /** The shares of the names under which a teacher is wanted. One that leaves keeps its share until it is gone. */
    Map<TeacherPlace, Long> shares(Collection<TeacherPlace> places) {
        long left = bytes;
        List<TeacherPlace> equal = new ArrayList<>();
        Map<TeacherPlace, Long> shares = new LinkedHashMap<>();
        for (TeacherPlace place : places) {
            left -= place.wanted().isEmpty() ? place.cacheBytes() : 0;
        }
        for (TeacherPlace place : places) {
            Optional<Long> asked = place.wanted().flatMap(TeacherEntry::cacheBytes);
            if (asked.isPresent()) {
                long share = Math.max(0, Math.min(asked.get(), left));
                shares.put(place, share);
                left -= share;
            } else if (place.wanted().isPresent()) {
                equal.add(place);
            }
        }
        for (TeacherPlace place : equal) {
            shares.put(place, Math.max(0, left / equal.size()));
        }
        return shares;
    }
}
