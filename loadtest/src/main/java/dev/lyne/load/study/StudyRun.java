package dev.lyne.load.study;

import dev.lyne.student.train.Setting;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A student of a study. Points of several axes that ask for the same student share it.
 *
 * @param id 12 hexadecimal digits of the SHA-256 of the settings
 * @param settings by key, in the order of the table, without place and name; {@code targets} names a capture
 */
public record StudyRun(String id, Map<Setting, List<String>> settings) {
    static StudyRun of(Map<Setting, List<String>> settings) {
        String text = settings.entrySet().stream()
                .map(entry -> entry.getKey().key() + ": " + entry.getValue())
                .collect(Collectors.joining("\n"));
        return new StudyRun(idOf(text), settings);
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
