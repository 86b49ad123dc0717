package dev.lyne.load.study;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * SHA-256 of the files that a study's settings name, so that a student is another one where a file has changed under
 * its path. Each is read once. A path where nothing is has a digest of its own: whoever needs the file says that it is
 * missing. One thread.
 */
final class InputDigests {
    private static final int BUFFER_BYTES = 1 << 20;
    private static final String NOTHING = "nothing";

    private final Map<String, String> known = new HashMap<>();

    /** What of a directory counts. */
    private enum Kind {
        /** All files, those of its directories among them; hidden ones are left out, as they are of a corpus. */
        TEXT,
        /** Configuration, tokenizer and weights. */
        MODEL,
        /** Configuration and tokenizer. */
        TOKENIZER;

        boolean counts(Path relative) {
            String name = relative.toString();
            if (this == TEXT) {
                for (Path part : relative) {
                    if (part.toString().startsWith(".")) {
                        return false;
                    }
                }
                return true;
            }
            return name.endsWith(".json")
                    || name.endsWith(".jinja")
                    || (this == MODEL && name.endsWith(".safetensors"));
        }
    }

    /** A file of text, or a directory of such. */
    String ofText(Path path) throws IOException {
        return of(path, Kind.TEXT);
    }

    /** A model's directory, or its configuration alone. */
    String ofModel(Path path) throws IOException {
        return of(path, Kind.MODEL);
    }

    /** A directory with a tokenizer, whatever weights are beside it. */
    String ofTokenizer(Path path) throws IOException {
        return of(path, Kind.TOKENIZER);
    }

    private String of(Path path, Kind kind) throws IOException {
        String key = kind + " " + path.toAbsolutePath().normalize();
        String digest = known.get(key);
        if (digest == null) {
            digest = Files.isDirectory(path) ? ofDirectory(path, kind) : ofFile(path);
            known.put(key, digest);
        }
        return digest;
    }

    private static String ofFile(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return NOTHING;
        }
        MessageDigest sha = sha256();
        byte[] buffer = new byte[BUFFER_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                sha.update(buffer, 0, read);
            }
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    /** Over each file's name and digest, by name. */
    private static String ofDirectory(Path directory, Kind kind) throws IOException {
        List<Path> files;
        try (Stream<Path> walk = Files.walk(directory, kind == Kind.TEXT ? Integer.MAX_VALUE : 1)) {
            files = walk.filter(Files::isRegularFile)
                    .filter(file -> kind.counts(directory.relativize(file)))
                    .sorted(Comparator.comparing(
                            file -> directory.relativize(file).toString()))
                    .toList();
        }
        MessageDigest sha = sha256();
        for (Path file : files) {
            sha.update((directory.relativize(file) + "\0" + ofFile(file) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
    }
}
