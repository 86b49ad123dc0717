package dev.lyne.student.corpus;

import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Text to train or to evaluate on: text files (one file is one document), files of JSON Lines (one line is one document: its text
 * field, or {@code prompt} and {@code response}), either of them compressed with gzip or zstd, and directories of them. What a file is
 * its contents say, whatever its name. The order is that of the inputs as given; within a directory, by path, compared character by
 * character. Files whose name starts with a dot are left out of directories; what else cannot be read there is named.
 */
public final class Corpus implements DocumentSource {
    private static final String DEFAULT_TEXT_FIELD = "text";

    private static final String EXPECTED = "text or JSON Lines, plain or compressed with gzip or zstd";

    private final List<Input> files;
    private final List<String> passedOver;
    private final Optional<String> textField;
    private final boolean skipInvalid;

    /**
     * A file.
     *
     * @param lines whether it is JSON Lines
     * @param given the input that it is of, by its number
     */
    private record Input(Path file, boolean lines, int given) {}

    private Corpus(List<Input> files, List<String> passedOver, Optional<String> textField, boolean skipInvalid) {
        this.files = List.copyOf(files);
        this.passedOver = List.copyOf(passedOver);
        this.textField = textField;
        this.skipInvalid = skipInvalid;
    }

    /** A corpus over inputs that a setting named {@code corpus} gave; a document that cannot be read is refused. */
    public static Corpus of(List<Path> inputs, Optional<String> textField) throws IOException {
        return of("corpus", inputs, textField, false);
    }

    /**
     * A corpus over these inputs; looks at how each begins, and reads no document yet.
     *
     * @param what name of the option or setting that gave them
     * @param textField field of a JSON line that holds the text; absent means {@code text}, or {@code prompt} with
     *     {@code response} or {@code completion}
     * @param skipInvalid whether documents that cannot be read are told of and passed over
     * @throws IllegalArgumentException where an input does not exist, holds no file or is of a kind that is not read
     */
    public static Corpus of(String what, List<Path> inputs, Optional<String> textField, boolean skipInvalid)
            throws IOException {
        if (inputs.isEmpty()) {
            throw new IllegalArgumentException(what + ": no input (expected: text files, JSON Lines or directories)");
        }
        List<Input> files = new ArrayList<>();
        List<String> passedOver = new ArrayList<>();
        for (int given = 0; given < inputs.size(); given++) {
            Path input = inputs.get(given);
            if (Files.isDirectory(input)) {
                int before = files.size();
                addDirectory(what, inputs, given, files, passedOver);
                if (files.size() == before) {
                    throw new IllegalArgumentException(
                            what + ": " + input + " holds no file (expected: at least one of " + EXPECTED + ")"
                                    + String.join(
                                            "",
                                            passedOver.stream()
                                                    .map(file -> "; " + file)
                                                    .limit(1)
                                                    .toList()));
                }
            } else if (Files.isRegularFile(input)) {
                FileKind kind = FileKind.of(input);
                if (kind instanceof FileKind.Neither neither) {
                    throw refused(what, input, neither);
                }
                files.add(new Input(input, kind instanceof FileKind.JsonLines, given));
            } else {
                throw new IllegalArgumentException(what + ": " + input + " does not exist (expected: a file of "
                        + EXPECTED + ", or a directory of such)");
            }
        }
        return new Corpus(files, passedOver, textField, skipInvalid);
    }

    private static IllegalArgumentException refused(String what, Path file, FileKind.Neither neither) {
        return new IllegalArgumentException(
                what + ": " + file + ": " + neither.what() + " (expected: " + EXPECTED + ")");
    }

    /** Adds what can be read; what cannot is named, unless its name says that it should be. */
    private static void addDirectory(
            String what, List<Path> inputs, int given, List<Input> files, List<String> passedOver) throws IOException {
        for (Path file : entriesOf(inputs.get(given))) {
            if (!Files.isRegularFile(file)) {
                passedOver.add(file + ": no file, or a link that is not followed");
                continue;
            }
            FileKind kind = FileKind.of(file);
            if (kind instanceof FileKind.Neither neither) {
                if (neither.named()) {
                    throw refused(what, file, neither);
                }
                passedOver.add(file + ": " + neither.what());
            } else {
                files.add(new Input(file, kind instanceof FileKind.JsonLines, given));
            }
        }
    }

    /** Files in reading order. */
    public List<Path> files() {
        return files.stream().map(Input::file).toList();
    }

    /** Returns the number of the input that each file is of, in reading order. */
    public int[] inputs() {
        return files.stream().mapToInt(Input::given).toArray();
    }

    /** Entries of directories that are not read, each with what it is instead. */
    public List<String> passedOver() {
        return passedOver;
    }

    @Override
    public boolean skipsInvalid() {
        return skipInvalid;
    }

    @Override
    public long totalBytes() throws IOException {
        long total = 0;
        for (Input input : files) {
            total += Files.size(input.file());
        }
        return total;
    }

    /** Over each file's kind, length and bytes in order, and the text field; names and places of files do not matter. */
    @Override
    public byte[] sha256() throws IOException {
        MessageDigest digest = newSha256();
        digest.update(("lyne corpus 2\n" + textField.orElse("") + "\n").getBytes(StandardCharsets.UTF_8));
        byte[] buffer = new byte[1 << 16];
        for (Input input : files) {
            digest.update((input.lines() ? "jsonl" : "text").getBytes(StandardCharsets.UTF_8));
            digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, Files.size(input.file())));
            try (InputStream in = Files.newInputStream(input.file())) {
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
        for (Input input : files) {
            long after = before + Files.size(input.file());
            if (input.lines()) {
                new JsonLines(input.file(), textField, DEFAULT_TEXT_FIELD, skipInvalid).read(before, sink);
            } else {
                readText(input.file(), after, sink);
            }
            sink.endOfFile();
            before = after;
        }
    }

    private void readText(Path file, long bytesRead, Sink sink) throws IOException {
        Document document;
        try {
            document = TextFile.read(file);
        } catch (InvalidDocumentException e) {
            if (!skipInvalid) {
                throw new CorpusException("corpus: " + file + ": " + e.getMessage());
            }
            sink.skip(file + ": " + e.getMessage());
            return;
        }
        sink.accept(document, bytesRead);
    }

    private static List<Path> entriesOf(Path directory) throws IOException {
        try (Stream<Path> walk = Files.walk(directory)) {
            return walk.filter(entry -> !Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS))
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
