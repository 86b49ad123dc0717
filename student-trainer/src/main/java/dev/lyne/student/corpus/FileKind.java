package dev.lyne.student.corpus;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Kind of a file of a corpus, as its contents and then its name say. */
sealed interface FileKind {
    /** File that is one document. */
    record Text() implements FileKind {}

    /** A document a line. */
    record JsonLines() implements FileKind {}

    /**
     * Neither of the two.
     *
     * @param what the file is, for people
     * @param named whether its name says that it is one of the two
     */
    record Neither(String what, boolean named) implements FileKind {}

    /** Looks at the beginning of a file. */
    static FileKind of(Path file) throws IOException {
        try (Contents contents = Contents.open(file)) {
            return new Recognition(file, contents).kind();
        }
    }

    /** The beginning of one file, looked at once. */
    final class Recognition {
        private static final int HEAD = 1 << 16;
        private static final int LINES = 20;
        private static final Set<String> LINES_SUFFIXES = Set.of("jsonl", "ndjson", "jsonlines");
        private static final Set<String> TEXT_SUFFIXES = Set.of("txt", "text", "md");
        private static final Set<String> COMPRESSED_SUFFIXES = Set.of("gz", "gzip", "zst", "zstd");

        /** First characters of formats whose files may pass for text, or are better called by name. */
        private static final Map<String, String> MAGIC = Map.ofEntries(
                Map.entry("\0\0\u00fe\u00ff", "UTF-32 text"),
                Map.entry("\u00ff\u00fe\0\0", "UTF-32 text"),
                Map.entry("\u00ff\u00fe", "UTF-16 text"),
                Map.entry("\u00fe\u00ff", "UTF-16 text"),
                Map.entry("%PDF-", "a PDF file"),
                Map.entry("%!PS", "a PostScript file"),
                Map.entry("{\\rtf", "an RTF file"),
                Map.entry("PK\3\4", "a zip file"),
                Map.entry("BZh", "a bzip2 file"),
                Map.entry("\u00fd7zXZ", "an xz file"),
                Map.entry("\4\"M\u0018", "an lz4 file"),
                Map.entry("PAR1", "a Parquet file"),
                Map.entry("ARROW1", "an Arrow file"),
                Map.entry("\u001f\u008b", "gzip data in gzip data"),
                Map.entry("\u0028\u00b5\u002f\u00fd", "zstd data in compressed data"),
                Map.entry("version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the file itself"));

        private final Contents contents;
        private final byte[] head;
        private final boolean whole;
        private final boolean damaged;
        private final String suffix;
        private final boolean saysCompressed;

        Recognition(Path file, Contents contents) throws IOException {
            this.contents = contents;
            List<String> suffixes = suffixes(file);
            this.suffix = suffixes.get(0);
            this.saysCompressed = suffixes.size() > 1;
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            boolean broken = false;
            try {
                contents.transferHead(bytes, HEAD);
            } catch (DamagedContentsException e) {
                broken = true; // reading it says where
            }
            this.head = bytes.toByteArray();
            this.damaged = broken;
            this.whole = head.length < HEAD;
        }

        FileKind kind() throws IOException {
            boolean named = LINES_SUFFIXES.contains(suffix) || TEXT_SUFFIXES.contains(suffix);
            if (saysCompressed && !contents.compressed()) {
                return new Neither("neither gzip nor zstd data, as its name says", true);
            }
            String magic = magic();
            if (!magic.isEmpty()) {
                return new Neither(magic, named);
            }
            String text = text();
            String start = text.stripLeading();
            if (LINES_SUFFIXES.contains(suffix)) {
                boolean spread = start.matches("(?s)[{\\[]\\s*\\R.*") || start.matches("(?s)\\[\\s*\\{.*");
                return spread && !isLines(start)
                        ? new Neither("JSON over several lines, or an array", true)
                        : new JsonLines();
            }
            if (suffix.equals("json")) {
                return start.isEmpty() || damaged || isLines(start)
                        ? new JsonLines()
                        : new Neither("JSON, but not one object a line", named);
            }
            boolean json = Json.begins(start);
            if (json && damaged || isLines(start)) {
                return new JsonLines();
            }
            return json
                    ? new Neither("JSON, but not one object a line", named)
                    : prose(text, named, named ? new Text() : binary());
        }

        /** Whether the first line is an object, or a damaged one before lines that mostly are. */
        private boolean isLines(String start) throws IOException {
            if (!start.startsWith("{")) {
                return false;
            }
            if (Json.isObject(firstLine(start))) {
                return true;
            }
            List<String> lines = lines(start);
            return lines.size() > 1
                    && 2 * lines.stream().skip(1).filter(Json::isObject).count() > lines.size() - 1;
        }

        private FileKind binary() {
            int malformed = Utf8.malformedAt(head, whole && !damaged);
            if (malformed < head.length) {
                return new Neither("no text: byte " + malformed + " of its contents is not UTF-8", false);
            }
            int zero = new String(head, StandardCharsets.ISO_8859_1).indexOf('\0');
            return zero >= 0 ? new Neither("no text: byte " + zero + " of its contents is 0", false) : new Text();
        }

        /** Text, unless its lines are mostly JSON. */
        private FileKind prose(String text, boolean named, FileKind otherwise) {
            List<String> lines = lines(text);
            long objects = lines.stream().filter(Json::isObject).count();
            long arrays = lines.stream().filter(Json::isArray).count();
            return !lines.isEmpty() && 2 * (objects + arrays) > lines.size()
                    ? new Neither("lines of JSON, but not one object a line", named)
                    : otherwise;
        }

        private List<String> lines(String text) {
            List<String> lines = text.lines()
                    .limit(LINES + 1)
                    .filter(line -> !line.isBlank())
                    .limit(LINES)
                    .toList();
            return !whole && lines.size() < LINES && !lines.isEmpty()
                    ? lines.subList(0, lines.size() - 1) // cut by the end of the head
                    : lines;
        }

        /** The first line, read on beyond the head where it is longer; only the head is left of it then. */
        private String firstLine(String start) throws IOException {
            int end = start.indexOf('\n');
            if (end >= 0 || whole) {
                return end < 0 ? start : start.substring(0, end);
            }
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            line.write(head, 0, head.length);
            try {
                Lines.read(contents, line);
                return Utf8.decode(line.toByteArray(), 0).strip();
            } catch (DamagedContentsException | InvalidDocumentException e) {
                return start;
            }
        }

        private String magic() {
            String bytes = new String(Arrays.copyOf(head, Math.min(64, head.length)), StandardCharsets.ISO_8859_1);
            return MAGIC.entrySet().stream()
                    .filter(magic -> bytes.startsWith(magic.getKey()))
                    .max(Map.Entry.comparingByKey(Comparator.comparingInt(String::length)))
                    .map(Map.Entry::getValue)
                    .orElse("");
        }

        private String text() {
            String text = new String(head, StandardCharsets.UTF_8);
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        }

        /** The last part of the name in lower case; where that is a compression's, the one before it first. */
        private static List<String> suffixes(Path file) {
            String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
            String[] parts = name.split("\\.", -1);
            String last = parts.length > 1 ? parts[parts.length - 1] : "";
            if (!COMPRESSED_SUFFIXES.contains(last)) {
                return List.of(last);
            }
            return List.of(parts.length > 2 ? parts[parts.length - 2] : "", last);
        }
    }
}
