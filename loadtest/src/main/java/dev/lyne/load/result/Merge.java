package dev.lyne.load.result;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Results of several processes or hosts that ran parts of one load side by side, as one result. */
public final class Merge {
    /** Key of a profile that says which part of a load it is, as {@code 2/3}. */
    private static final String PART = "part";

    private Merge() {}

    /**
     * Adds them up, step by step and interval by interval. Figures of the server are those of the first part that has any: every part
     * read the same server.
     *
     * @throws IllegalArgumentException where they are not parts of one load
     */
    public static LoadResult of(List<LoadResult> parts) {
        LoadResult first = parts.get(0);
        for (LoadResult part : parts) {
            if (!shared(part.profile()).equals(shared(first.profile()))) {
                throw new IllegalArgumentException("profiles differ: " + difference(first.profile(), part.profile())
                        + " (expected: parts of one load)");
            }
            if (part.steps().size() != first.steps().size()) {
                throw new IllegalArgumentException("steps: " + part.steps().size() + " in one part, "
                        + first.steps().size() + " in another (expected: as many)");
            }
        }
        requireEachPartOnce(parts);
        List<StepResult> steps = new ArrayList<>();
        for (int i = 0; i < first.steps().size(); i++) {
            int step = i;
            steps.add(step(parts.stream().map(part -> part.steps().get(step)).toList()));
        }
        Map<String, String> profile = new TreeMap<>(first.profile());
        profile.remove(PART);
        return new LoadResult(
                LoadResult.FORMAT,
                profile,
                String.join(
                        "; ",
                        new TreeSet<>(parts.stream().map(LoadResult::teacher).toList())),
                first.startedAt(),
                parts.stream().mapToInt(LoadResult::processes).sum(),
                first.saturatedAt(),
                steps);
    }

    /** Refuses a sum that lacks a part of the load, or has one twice. What was merged before is of no part. */
    private static void requireEachPartOnce(List<LoadResult> parts) {
        List<String> named = parts.stream()
                .map(part -> part.profile().getOrDefault(PART, ""))
                .filter(part -> !part.isEmpty())
                .toList();
        boolean once = named.stream().allMatch(part -> part.endsWith("/" + named.size()))
                && new TreeSet<>(named).size() == named.size();
        if (!once) {
            throw new IllegalArgumentException("parts: " + named + " (expected: each part of the load, once)");
        }
    }

    /** The profile without what parts differ in. */
    private static Map<String, String> shared(Map<String, String> profile) {
        Map<String, String> shared = new TreeMap<>(profile);
        shared.keySet().removeAll(List.of(PART, "metrics", "teacher"));
        return shared;
    }

    private static String difference(Map<String, String> one, Map<String, String> other) {
        var keys = new HashSet<>(shared(one).keySet());
        keys.addAll(shared(other).keySet());
        return keys.stream()
                .filter(key -> !String.valueOf(one.get(key)).equals(String.valueOf(other.get(key))))
                .sorted()
                .map(key -> key + " " + one.get(key) + " and " + other.get(key))
                .findFirst()
                .orElse("");
    }

    private static StepResult step(List<StepResult> parts) {
        StepResult first = parts.get(0);
        List<StepResult.IntervalResult> intervals = new ArrayList<>();
        for (int i = 0; i < first.intervals().size(); i++) {
            List<StepResult.IntervalResult> cells = new ArrayList<>();
            for (StepResult part : parts) {
                if (part.intervals().size() != first.intervals().size()) {
                    throw new IllegalArgumentException(
                            "intervals: " + part.intervals().size() + " and "
                                    + first.intervals().size() + " (expected: as many)");
                }
                cells.add(part.intervals().get(i));
            }
            intervals.add(new StepResult.IntervalResult(
                    cells.get(0).seconds(),
                    cells.stream()
                            .mapToLong(StepResult.IntervalResult::sequences)
                            .sum(),
                    cells.stream()
                            .mapToLong(StepResult.IntervalResult::positions)
                            .sum(),
                    cells.stream().mapToLong(StepResult.IntervalResult::bytes).sum(),
                    Histograms.write(Histograms.sum(cells.stream()
                            .map(StepResult.IntervalResult::latencyHistogram)
                            .toList()))));
        }
        return StepResult.of(new StepResult.Counted(
                first.label(),
                parts.stream().mapToInt(StepResult::students).sum(),
                parts.stream().mapToDouble(StepResult::offeredPerSecond).sum(),
                new StepResult.Due(
                        parts.stream()
                                .mapToLong(step -> step.counts().intended())
                                .sum(),
                        parts.stream().mapToLong(step -> step.counts().failed()).sum(),
                        parts.stream()
                                .mapToLong(step -> step.counts().unanswered())
                                .sum()),
                add(parts.stream()
                        .map(step -> step.answered().positionsBySource())
                        .toList()),
                new StepResult.Interruptions(
                        add(parts.stream()
                                .map(step -> step.interruptions().refusals())
                                .toList()),
                        firstOfEach(parts.stream()
                                .map(step -> step.interruptions().refusalMessages())
                                .toList()),
                        parts.stream()
                                .mapToLong(step -> step.interruptions().reconnects())
                                .sum()),
                parts.stream().mapToDouble(StepResult::generatorCpuSeconds).sum(),
                parts.stream()
                        .map(StepResult::server)
                        .filter(map -> !map.isEmpty())
                        .findFirst()
                        .orElse(Map.of()),
                intervals,
                Histograms.write(Histograms.sum(
                        parts.stream().map(StepResult::lagHistogram).toList()))));
    }

    private static Map<String, String> firstOfEach(List<Map<String, String>> maps) {
        Map<String, String> firsts = new TreeMap<>();
        maps.forEach(map -> map.forEach(firsts::putIfAbsent));
        return firsts;
    }

    private static Map<String, Long> add(List<Map<String, Long>> maps) {
        Map<String, Long> sum = new TreeMap<>();
        maps.forEach(map -> map.forEach((key, value) -> sum.merge(key, value, Long::sum)));
        return sum;
    }
}
