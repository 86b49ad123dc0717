package dev.lyne.student.generate;

import dev.lyne.client.DecodeEvent;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.files.AtomicFile;
import dev.lyne.files.DirectoryLock;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.corpus.CorpusException;
import dev.lyne.student.corpus.PromptLine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A teacher's continuations of prompts, for sequence-level knowledge distillation (Kim and Rush, arXiv 1606.07947): of each line of a file the
 * prompt, to a line of {@code prompt}, {@code response} and {@code finish_reason} (stop, or length where it was cut) of another one, in the same order.
 * Where a line has a {@code teacher_prompt}, the teacher continues that in the prompt's place, and both are written. The draws of a line depend on the decoder's seed
 * and the number of the line alone, so a file that was broken off is gone on with as if it had not been. One thread.
 */
public final class CorpusGeneration {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String RESPONSE = "response";
    private static final String PROMPT = "prompt";
    private static final String TEACHER_PROMPT = "teacher_prompt";

    /** Name of the setting that says on which machine last bits were computed, where they are promised. */
    private static final String FINGERPRINT = "fingerprint";

    private static final String NONE = "none";

    /** Suffix of the file of the settings behind the other's name. */
    private static final String SETTINGS = ".settings.json";

    /** Suffix of the file that keeps others out. */
    private static final String LOCK = ".lock";

    /** Beginning of every line that is written. */
    private static final String LINE_BEGINS = "{\"" + PROMPT + "\":";

    /**
     * Options of what is made.
     *
     * @param promptField where a line has its prompt
     * @param maxTokens most tokens of a response
     * @param inFlight texts that are decoded at a time
     */
    public record Options(String promptField, int maxTokens, int inFlight) {
        public Options {
            if (maxTokens < 1 || inFlight < 1) {
                throw new IllegalArgumentException(
                        "max tokens: " + maxTokens + ", in flight: " + inFlight + " (expected: 1 or more of each)");
            }
        }
    }

    /** A listener to how far the generation is. */
    public interface Progress {
        /**
         * Called often.
         *
         * @param lines written, those of an earlier run included
         * @param tokens drawn in this run
         */
        void update(long lines, long tokens);

        /** Whether to stop after what is written. */
        boolean isStopRequested();
    }

    private final TeacherDecoder decoder;
    private final Tokenizer tokenizer;
    private final DocumentWrapping wrapping;
    private final Options options;
    private final Progress progress;
    private final Map<Long, Draft> byKey = new HashMap<>();
    private final Deque<Draft> inOrder = new ArrayDeque<>();
    private long written;
    private long tokens;

    /** The lines of the prompts, one after another; blank ones are passed over, as in a corpus. */
    private final class PromptLines implements AutoCloseable {
        private final Path file;
        private final BufferedReader reader;
        private long number;

        PromptLines(Path file) throws IOException {
            this.file = file;
            this.reader = Files.newBufferedReader(file);
        }

        /** The next one; absent at the end. */
        Optional<PromptLine> next() throws IOException {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                number++;
                if (!line.isBlank()) {
                    return Optional.of(PromptLine.read(file, number, line, options.promptField()));
                }
            }
            return Optional.empty();
        }

        @Override
        public void close() throws IOException {
            reader.close();
        }
    }

    /** A text in the making. */
    private static final class Draft {
        private final PromptLine prompts;
        private int[] ids = new int[64];
        private int size;
        private boolean ending;
        private boolean done;

        Draft(PromptLine prompts) {
            this.prompts = prompts;
        }

        void add(int[] more) {
            if (size + more.length > ids.length) {
                ids = Arrays.copyOf(ids, Math.max(2 * ids.length, size + more.length));
            }
            System.arraycopy(more, 0, ids, size, more.length);
            size += more.length;
        }
    }

    public CorpusGeneration(TeacherDecoder decoder, Tokenizer tokenizer, Options options, Progress progress) {
        this.decoder = decoder;
        this.tokenizer = tokenizer;
        this.wrapping = tokenizer.wrapping();
        this.options = options;
        this.progress = progress;
    }

    /**
     * Writes all lines that are not there yet.
     *
     * @return lines that are there now
     * @throws CorpusException where a line of the prompts has none, or the other file's lines are of other prompts
     * @throws IllegalStateException where somebody else writes the file
     */
    public long run(Path prompts, Path out) throws IOException, InterruptedException {
        // What a link names is what is written.
        Path file = (Files.exists(out) ? out.toRealPath() : out).toAbsolutePath();
        try (DirectoryLock lock = DirectoryLock.take(
                        Objects.requireNonNull(file.getParent()), "." + file.getFileName() + LOCK)
                .orElseThrow(() -> new IllegalStateException(
                        "out: " + out + ": another run writes it (expected: one at a time)"))) {
            return runAlone(prompts, out);
        }
    }

    private long runAlone(Path prompts, Path out) throws IOException, InterruptedException {
        if (Files.exists(out) && Files.isSameFile(prompts, out)) {
            throw new CorpusException(out + ": the file of the prompts (expected: another --out)");
        }
        Found found = wholeLines(out);
        Path settings = out.resolveSibling(out.getFileName() + SETTINGS);
        requireSameSettings(settings, out, found.lines());
        try (PromptLines lines = new PromptLines(prompts)) {
            goThrough(lines, out, found.lines());
            // Only what is known to be of these prompts is ever changed.
            cutBrokenLine(out, found.bytes());
            AtomicFile.write(settings, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(settings()));
            write(lines, out, found.lines());
        }
        return written;
    }

    /** Returns the settings that a line's response depends on beside its prompt. */
    private Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("teacher", decoder.teacher().modelDigest());
        settings.put(
                FINGERPRINT,
                decoder.settings().sameBits() ? decoder.teacher().fingerprint().toString() : NONE);
        settings.put("seed", Long.toString(decoder.settings().seed()));
        settings.put("temperature", Double.toString(decoder.settings().temperature()));
        settings.put("top_p", Double.toString(decoder.settings().topP()));
        settings.put("max_tokens", Integer.toString(options.maxTokens()));
        settings.put("stop_ids", new TreeSet<>(decoder.settings().stopIds()).toString());
        return settings;
    }

    /** Refuses to go on with a file that other settings made, naming what differs. */
    private void requireSameSettings(Path file, Path out, long lines) throws IOException, CorpusException {
        if (lines == 0) {
            return;
        }
        if (!Files.exists(file)) {
            throw new CorpusException(out + ": " + lines + " lines without " + file.getFileName()
                    + " (expected: the settings that made them beside them; another --out begins anew)");
        }
        Map<String, String> before =
                JSON.readValue(Files.readAllBytes(file), new TypeReference<Map<String, String>>() {});
        List<String> differences = new ArrayList<>();
        settings().forEach((name, now) -> {
            String then = before.getOrDefault(name, name.equals(FINGERPRINT) ? NONE : "absent");
            boolean promised = !name.equals(FINGERPRINT) || !then.equals(NONE);
            if (promised && !then.equals(now)) {
                differences.add(name + ": " + now + " (expected: " + then + ")");
            }
        });
        if (!differences.isEmpty()) {
            throw new CorpusException(out + " was made with other settings: " + String.join("; ", differences)
                    + "; another --out begins anew");
        }
    }

    /** Reads on to the first prompt that has no line yet. */
    private void goThrough(PromptLines lines, Path out, long there) throws IOException, CorpusException {
        try (BufferedReader old = new BufferedReader(there > 0 ? Files.newBufferedReader(out) : Reader.nullReader())) {
            for (long number = 1; number <= there; number++) {
                Optional<PromptLine> prompt = lines.next();
                if (prompt.isEmpty()) {
                    throw new CorpusException(out + ": " + there + " lines (expected: at most the " + (number - 1)
                            + " of " + lines.file + "; another --out begins anew)");
                }
                requireSame(prompt.get(), lines, out, number, Objects.requireNonNull(old.readLine()));
            }
        }
    }

    private void write(PromptLines lines, Path out, long there) throws IOException, InterruptedException {
        written = there;
        long number = there;
        try (Writer writer = Files.newBufferedWriter(
                out, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            Optional<PromptLine> prompt = lines.next();
            while ((prompt.isPresent() || !inOrder.isEmpty()) && !progress.isStopRequested()) {
                while (prompt.isPresent() && inOrder.size() < options.inFlight()) {
                    begin(number, prompt.get(), lines.number);
                    number++;
                    prompt = lines.next();
                }
                take(decoder.take());
                writeDone(writer);
                progress.update(written, tokens);
            }
        }
    }

    /** @param line of the file, from 1 */
    private void begin(long key, PromptLine prompt, long line) throws CorpusException {
        String continued = prompt.teacherPrompt().orElse(prompt.prompt());
        int[] ids = IntStream.concat(wrapping.bosId().stream(), Arrays.stream(tokenizer.encode(continued)))
                .toArray();
        int context = decoder.teacher().contextLength();
        if (ids.length < 1 || ids.length >= context) {
            throw new CorpusException("line " + line + ": a prompt of " + ids.length
                    + " tokens (expected: 1 or more, and fewer than context_length=" + context + ")");
        }
        Draft draft = new Draft(prompt);
        byKey.put(key, draft);
        inOrder.add(draft);
        decoder.start(key, ids, Math.min(options.maxTokens(), context - ids.length));
    }

    private void take(DecodeEvent event) {
        Draft draft = Objects.requireNonNull(byKey.get(event.key()));
        if (event instanceof DecodeEvent.Answered answered) {
            draft.add(answered.drawnIds());
            tokens += answered.drawnIds().length;
            if (!draft.ending && !decoder.isOwed(event.key())) {
                draft.ending = true;
                decoder.end(event.key(), new int[0]);
            }
        } else if (event instanceof DecodeEvent.Ended) {
            draft.done = true;
            byKey.remove(event.key());
        } else if (event instanceof DecodeEvent.Failed failed) {
            throw failed.failure();
        }
    }

    private void writeDone(Writer writer) throws IOException {
        for (Draft first = inOrder.peek(); first != null && first.done; first = inOrder.peek()) {
            inOrder.remove();
            Map<String, String> record = new LinkedHashMap<>();
            record.put(PROMPT, first.prompts.prompt());
            first.prompts.teacherPrompt().ifPresent(seen -> record.put(TEACHER_PROMPT, seen));
            boolean stopped = isStopped(first);
            record.put(RESPONSE, tokenizer.decode(Arrays.copyOf(first.ids, stopped ? first.size - 1 : first.size)));
            record.put("finish_reason", stopped ? "stop" : "length");
            writer.write(JSON.writeValueAsString(record) + "\n");
            writer.flush();
            written++;
        }
    }

    /** Returns whether the text ended with a stop token, and not at its greatest length. */
    private boolean isStopped(Draft draft) {
        return draft.size > 0 && decoder.settings().stopIds().contains(draft.ids[draft.size - 1]);
    }

    private static void requireSame(PromptLine prompt, PromptLines lines, Path out, long number, String old)
            throws CorpusException {
        if (!prompt.prompt().equals(field(old, PROMPT))
                || !prompt.teacherPrompt().equals(Optional.ofNullable(field(old, TEACHER_PROMPT)))) {
            throw new CorpusException(out + ", line " + number + ": another prompt (expected: that of line "
                    + lines.number + " of " + lines.file + "; another --out begins anew)");
        }
    }

    private static @Nullable String field(String line, String name) {
        try {
            JsonNode node = JSON.readTree(line).get(name);
            return node != null && node.isString() ? node.asString() : null;
        } catch (JacksonException e) {
            return null;
        }
    }

    /** Lines and bytes that a file has already. */
    private record Found(long lines, long bytes) {}

    /** The whole lines of a file; nothing of it changes. */
    private static Found wholeLines(Path file) throws IOException {
        if (!Files.exists(file)) {
            return new Found(0, 0);
        }
        long lines = 0;
        long end = 0;
        try (InputStream bytes = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 16];
            long position = 0;
            for (int read = bytes.read(buffer); read > 0; read = bytes.read(buffer)) {
                for (int i = 0; i < read; i++) {
                    if (buffer[i] == '\n') {
                        lines++;
                        end = position + i + 1;
                    }
                }
                position += read;
            }
        }
        return new Found(lines, end);
    }

    /** Cuts what stands behind the whole lines: one that was broken off, which begins as every line does, and nothing else. */
    private static void cutBrokenLine(Path file, long end) throws IOException, CorpusException {
        if (!Files.exists(file) || Files.size(file) == end) {
            return;
        }
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            byte[] begins = LINE_BEGINS.getBytes(StandardCharsets.UTF_8);
            byte[] tail = new byte[(int) Math.min(begins.length, bytes.length() - end)];
            bytes.seek(end);
            bytes.readFully(tail);
            if (!Arrays.equals(tail, 0, tail.length, begins, 0, tail.length)) {
                throw new CorpusException(
                        file + ": its end is no line of prompt and response (expected: a file of such lines,"
                                + " or none; another --out begins anew)");
            }
            bytes.setLength(end);
        }
    }
}
