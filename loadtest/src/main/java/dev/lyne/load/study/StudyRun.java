package dev.lyne.load.study;

import dev.lyne.student.train.Setting;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A student of a study. Points of several axes that ask for the same student share it.
 *
 * @param id 12 hexadecimal digits of the SHA-256 of the settings, and of what decides its figures beside them
 * @param settings by key, in the order of the table, without place and name; {@code targets} names a capture
 * @param choice a setting more, whose value other students decide
 */
public record StudyRun(String id, Map<Setting, List<String>> settings, Optional<Choice> choice) {
    /** Placeholder of the teacher's address among the settings of a student that asks the study's server. */
    static final String SERVER = "server";

    /**
     * A setting whose value is that of the best of other students.
     *
     * @param metric that says which is best
     * @param candidates ids of those students, by the value that each has
     */
    public record Choice(Setting setting, StudyMetric metric, Map<String, String> candidates) {
        public Choice {
            candidates = Collections.unmodifiableMap(new LinkedHashMap<>(candidates));
        }
    }

    /** @param beside what decides its figures and is no setting of its own, a line each */
    static StudyRun of(Map<Setting, List<String>> settings, Optional<Choice> choice, List<String> beside) {
        String text = settings.entrySet().stream()
                .map(entry -> entry.getKey().key() + ": " + entry.getValue())
                .collect(Collectors.joining("\n"));
        String chosen = choice.map(of -> "\n" + of.setting().key() + ": best " + of.metric() + " of " + of.candidates())
                .orElse("");
        return new StudyRun(idOf(text + chosen + "\n" + String.join("\n", beside)), settings, choice);
    }

    /** Returns whether the student asks the study's teacher while it trains, or for its evaluation. */
    public boolean asksServer() {
        return settings.containsKey(Setting.TEACHER);
    }

    static String idOf(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(Arrays.copyOf(digest, 6));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
    }

    /** Name of the capture that it learns from; empty where it learns from the data alone. */
    public String targets() {
        return settings.getOrDefault(Setting.TARGETS, List.of("")).get(0);
    }
}
