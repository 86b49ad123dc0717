package dev.lyne.student.corpus;

import dev.lyne.student.tokens.DocumentSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Text to train or to evaluate on: text files (one file is one document), {@code .jsonl} and {@code .jsonl.gz} files (one line
 * is one document: its text field, or {@code prompt} and {@code response}), and directories of both. The order is that of the
 * inputs as given; within a directory, by path, compared character by character. Files whose name starts with a dot are left
 * out of directories.
 */
public final class Corpus implements DocumentSource {
    private static final String DEFAULT_TEXT_FIELD = "text";

    private final List<Path> files;
    private final Optional<String> textField;

    private Corpus(List<Path> files, Optional<String> textField) {
        this.files = List.copyOf(files);
        this.textField = textField;
    }

    /** A corpus over inputs that a setting named {@code corpus} gave. */
    public static Corpus of(List<Path> inputs, Optional<String> textField) throws IOException {
        return of("corpus", inputs, textField);
    }

    /**
     * A corpus over these inputs; looks for them, and reads nothing yet.
     *
     * @param what name of the option or setting that gave them
     * @param textField field of a JSON line that holds the text; absent means {@code text}, or {@code prompt} with
     *     {@code response}
     * @throws IllegalArgumentException where an input does not exist, holds no file or is of a kind that is not read
     */
    public static Corpus of(String what, List<Path> inputs, Optional<String> textField) throws IOException {
        if (inputs.isEmpty()) {
            throw new IllegalArgumentException(
                    what + ": no input (expected: text files, .jsonl[.gz] files or directories)");
        }
        List<Path> files = new ArrayList<>();
        for (Path input : inputs) {
            if (Files.isDirectory(input)) {
                List<Path> found = filesOf(input);
                if (found.isEmpty()) {
                    throw new IllegalArgumentException(what + ": " + input + " holds no file (expected: at least one)");
                }
                files.addAll(found);
            } else if (Files.isRegularFile(input)) {
                files.add(input);
            } else {
                throw new IllegalArgumentException(what + ": " + input
                        + " does not exist (expected: a text file, a .jsonl[.gz] file or a directory)");
            }
        }
        for (Path file : files) {
            String name = name(file);
            if (name.endsWith(".gz") && !name.endsWith(".jsonl.gz")) {
                throw new IllegalArgumentException(what + ": " + file + " (expected: text, .jsonl or .jsonl.gz)");
            }
        }
        return new Corpus(files, textField);
    }

    /** Files in reading order. */
    public List<Path> files() {
        return files;
    }

    @Override
    public long totalBytes() throws IOException {
        long total = 0;
        for (Path file : files) {
            total += Files.size(file);
        }
        return total;
    }

    /** Over each file's kind, length and bytes in order, and the text field; names and places of files do not matter. */
    @Override
    public byte[] sha256() throws IOException {
        MessageDigest digest = newSha256();
        digest.update(("lyne corpus 1\n" + textField.orElse("") + "\n").getBytes(StandardCharsets.UTF_8));
        byte[] buffer = new byte[1 << 16];
        for (Path file : files) {
            digest.update((isJsonLines(file) ? "jsonl" : "text").getBytes(StandardCharsets.UTF_8));
            digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, Files.size(file)));
            try (InputStream in = Files.newInputStream(file)) {
                for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                    digest.update(buffer, 0, read);
                }
            }
        }
        return digest.digest();
    }

    @Override
    public void read(Sink sink) throws IOException {
        long before = 0;
        for (Path file : files) {
            if (isJsonLines(file)) {
                new JsonLines(file, textField, DEFAULT_TEXT_FIELD).read(before, sink);
            } else {
                sink.accept(TextFile.read(file), before + Files.size(file));
            }
            before += Files.size(file);
        }
    }

    private static boolean isJsonLines(Path file) {
        String name = name(file);
        return name.endsWith(".jsonl") || name.endsWith(".jsonl.gz");
    }

    private static String name(Path file) {
        Path name = file.getFileName();
        return name == null ? "" : name.toString();
    }

    private static List<Path> filesOf(Path directory) throws IOException {
        try (Stream<Path> walk = Files.walk(directory)) {
            return walk.filter(Files::isRegularFile)
                    .filter(file -> !isHidden(directory.relativize(file)))
                    .sorted(Comparator.comparing(
                            file -> directory.relativize(file).toString()))
                    .toList();
        }
    }

    private static boolean isHidden(Path relative) {
        for (Path part : relative) {
            if (part.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
