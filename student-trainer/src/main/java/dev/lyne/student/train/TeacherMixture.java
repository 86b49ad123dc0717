package dev.lyne.student.train;

import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.student.corpus.Corpus;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Several teachers of one run: each is asked for the windows of its own part of the corpus, or for a share of all windows by weight.
 *
 * @param parts two or more, of distinct names; all of them with sources, or none
 */
record TeacherMixture(List<Part> parts) {
    /** Keeps the draws of teachers apart from other random numbers of the seed. */
    private static final long DOMAIN = 0x7465616368657273L;

    private static final double MOST_WEIGHT = 1e6;

    /** Keys of an element of {@code teachers}, each with whether it takes several values. */
    private static final Map<String, Boolean> KEYS =
            Map.of("name", false, "address", true, "teacher_name", false, "source", true, "weight", false);

    /**
     * A teacher of several.
     *
     * @param name in metrics and reports
     * @param addresses its servers
     * @param teacherName its name there
     * @param sources inputs of the corpus, as they are given there, that it is asked for; empty: those that its weight gives it
     * @param weight its share of the windows, over the sum of all; 0 where it has sources
     */
    record Part(String name, List<String> addresses, String teacherName, List<Path> sources, double weight) {
        Part {
            addresses = List.copyOf(addresses);
            sources = List.copyOf(sources);
        }
    }

    TeacherMixture {
        parts = List.copyOf(parts);
    }

    /** The teachers that settings list; empty where they list none. */
    static Optional<TeacherMixture> of(Settings settings) {
        List<String> texts = settings.list(Setting.TEACHERS);
        if (texts.isEmpty()) {
            return Optional.empty();
        }
        TeacherMixture mixture =
                new TeacherMixture(texts.stream().map(TeacherMixture::part).toList());
        mixture.requireTogether(TrainingConfig.paths(settings, Setting.CORPUS));
        return Optional.of(mixture);
    }

    private static Part part(String text) {
        String key = Setting.TEACHERS.key();
        Map<String, List<String>> values = SettingsFile.entry(key, text, KEYS);
        String name = only(values, "name")
                .orElseThrow(() ->
                        new IllegalArgumentException(key + ": " + text + " (expected: name=NAME among its keys)"));
        String where = key + ": " + name;
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,62}")) {
            throw new IllegalArgumentException(where + " (expected: letters, digits and ._-, at most 63 of them)");
        }
        List<String> addresses = values.getOrDefault("address", List.of());
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException(where + ": no address (expected: address=HOST:PORT)");
        }
        List<Path> sources =
                values.getOrDefault("source", List.of()).stream().map(Path::of).toList();
        Optional<String> weight = only(values, "weight");
        if (sources.isEmpty() == weight.isEmpty()) {
            throw new IllegalArgumentException(where + ": "
                    + (weight.isPresent() ? "source and weight" : "neither source nor weight")
                    + " (expected: one of them)");
        }
        return new Part(
                name,
                addresses,
                only(values, "teacher_name").orElse(name),
                sources,
                weight.isPresent() ? weight(where, weight.get()) : 0);
    }

    private static Optional<String> only(Map<String, List<String>> values, String key) {
        return Optional.ofNullable(values.get(key)).map(all -> all.get(0));
    }

    private static double weight(String where, String text) {
        double weight;
        try {
            weight = Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(where + ": weight: " + text + " (expected: a number above 0)", e);
        }
        if (!(weight > 0 && weight <= MOST_WEIGHT)) {
            throw new IllegalArgumentException(
                    where + ": weight: " + text + " (expected: above 0, at most " + MOST_WEIGHT + ")");
        }
        return weight;
    }

    private void requireTogether(List<Path> corpus) {
        List<String> names = names();
        if (names.size() < 2) {
            throw Settings.refused(Setting.TEACHERS, names, "two or more; one alone is --teacher");
        }
        if (new HashSet<>(names).size() < names.size()) {
            throw Settings.refused(Setting.TEACHERS, names, "distinct names");
        }
        long withSource =
                parts.stream().filter(part -> !part.sources().isEmpty()).count();
        if (withSource != 0 && withSource != parts.size()) {
            throw Settings.refused(
                    Setting.TEACHERS,
                    names + ", " + withSource + " of them with a source",
                    "all with a source, or all with a weight");
        }
        if (withSource > 0) {
            requireEachInputOnce(corpus);
        }
    }

    private void requireEachInputOnce(List<Path> corpus) {
        List<Path> claimed =
                parts.stream().flatMap(part -> part.sources().stream()).toList();
        for (Path source : claimed) {
            if (!corpus.contains(source)) {
                throw Settings.refused(Setting.TEACHERS, "source=" + source, "an input of corpus: " + corpus);
            }
        }
        for (Path input : corpus) {
            long times = claimed.stream().filter(input::equals).count();
            if (times != 1) {
                throw Settings.refused(
                        Setting.TEACHERS, input + " is a source " + times + " times", "each input of corpus once");
            }
        }
    }

    /** Refuses addresses that cannot be spoken to so. */
    void requireUsable(TeacherSecurity security) {
        parts.forEach(part -> TeacherClient.requireUsable(String.join(",", part.addresses()), security));
    }

    /** Names, in the order of the settings. */
    List<String> names() {
        return parts.stream().map(Part::name).toList();
    }

    private boolean bySource() {
        return !parts.get(0).sources().isEmpty();
    }

    /**
     * Returns the choice of the teacher that is asked for the window at a place, by its number.
     *
     * @param inputs of the corpus, as they are given
     */
    TeacherChoice choice(List<Path> inputs, Corpus corpus, WindowSequence sequence, long seed) {
        if (bySource()) {
            int[] teachers = teacherOfFile(inputs, corpus);
            return place -> teachers[sequence.fileOf(place)];
        }
        double[] upTo = parts.stream().mapToDouble(Part::weight).toArray();
        Arrays.parallelPrefix(upTo, Double::sum);
        return place -> drawn(upTo, new SplittableRandom(seed ^ DOMAIN ^ place * 0x9E3779B97F4A7C15L).nextDouble());
    }

    private static int drawn(double[] upTo, double share) {
        double value = share * upTo[upTo.length - 1];
        int teacher = 0;
        while (teacher < upTo.length - 1 && value >= upTo[teacher]) {
            teacher++;
        }
        return teacher;
    }

    private int[] teacherOfFile(List<Path> inputs, Corpus corpus) {
        return Arrays.stream(corpus.inputs())
                .map(given -> IntStream.range(0, parts.size())
                        .filter(teacher -> parts.get(teacher).sources().contains(inputs.get(given)))
                        .findFirst()
                        .orElseThrow())
                .toArray();
    }

    /**
     * Returns by name what has to be the same for a run to go on: who is asked for what. Names of files do not matter,
     * their places do.
     */
    Map<String, String> identity(List<Path> inputs, Corpus corpus) {
        Map<String, String> identity = new TreeMap<>();
        identity.put("teachers", String.join(", ", names()));
        int[] ofFile = bySource() ? teacherOfFile(inputs, corpus) : new int[0];
        for (int i = 0; i < parts.size(); i++) {
            int teacher = i;
            String files = IntStream.range(0, ofFile.length)
                    .filter(file -> ofFile[file] == teacher)
                    .mapToObj(Integer::toString)
                    .collect(Collectors.joining(" "));
            identity.put(
                    "teachers." + parts.get(i).name(),
                    bySource() ? "files " + files : "weight " + parts.get(i).weight());
        }
        return identity;
    }
}
