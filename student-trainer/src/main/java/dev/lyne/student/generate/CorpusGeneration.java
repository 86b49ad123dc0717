package dev.lyne.student.generate;

import dev.lyne.client.DecodeEvent;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.corpus.CorpusException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A teacher's continuations of prompts, for sequence-level knowledge distillation (Kim and Rush, arXiv 1606.07947): of each line of a file the
 * prompt, to a line of {@code prompt} and {@code response} of another one, in the same order. The draws of a line depend on the decoder's seed
 * and the number of the line alone, so a file that was broken off is gone on with as if it had not been. One thread.
 */
public final class CorpusGeneration {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String RESPONSE = "response";
    private static final String PROMPT = "prompt";

    /**
     * What is made.
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

    /** A text in the making. */
    private static final class Draft {
        private final String prompt;
        private int[] ids = new int[64];
        private int size;
        private boolean ending;
        private boolean done;

        Draft(String prompt) {
            this.prompt = prompt;
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
     */
    public long run(Path prompts, Path out) throws IOException, InterruptedException {
        long there = completeLines(out);
        try (BufferedReader reader = Files.newBufferedReader(prompts);
                BufferedReader old =
                        new BufferedReader(there > 0 ? Files.newBufferedReader(out) : Reader.nullReader());
                Writer writer = Files.newBufferedWriter(
                        out, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            long number = 0;
            for (String line = next(reader, number < there); line != null; line = next(reader, number < there)) {
                requireSame(prompts, out, ++number, line, Objects.requireNonNull(old.readLine()));
            }
            if (number < there) {
                throw new CorpusException(out + ": " + there + " lines (expected: at most the " + number + " of "
                        + prompts + "; another --out begins anew)");
            }
            written = there;
            String line = reader.readLine();
            while ((line != null || !inOrder.isEmpty()) && !progress.isStopRequested()) {
                while (line != null && inOrder.size() < options.inFlight()) {
                    begin(number, prompt(prompts, number + 1, line));
                    number++;
                    line = reader.readLine();
                }
                take(decoder.take());
                writeDone(writer);
                progress.update(written, tokens);
            }
        }
        return written;
    }

    private static @Nullable String next(BufferedReader reader, boolean wanted) throws IOException {
        return wanted ? reader.readLine() : null;
    }

    private void begin(long key, String prompt) throws CorpusException {
        int[] ids = IntStream.concat(wrapping.bosId().stream(), Arrays.stream(tokenizer.encode(prompt)))
                .toArray();
        int context = decoder.teacher().contextLength();
        if (ids.length < 1 || ids.length >= context) {
            throw new CorpusException("line " + (key + 1) + ": a prompt of " + ids.length
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
            record.put(PROMPT, first.prompt);
            record.put(RESPONSE, response(first));
            writer.write(JSON.writeValueAsString(record) + "\n");
            writer.flush();
            written++;
        }
    }

    /** The text without the token that ended it. */
    private String response(Draft draft) {
        boolean stopped = draft.size > 0 && decoder.settings().stopIds().contains(draft.ids[draft.size - 1]);
        return tokenizer.decode(Arrays.copyOf(draft.ids, stopped ? draft.size - 1 : draft.size));
    }

    private String prompt(Path file, long number, String line) throws CorpusException {
        @Nullable String prompt = field(line, options.promptField());
        if (prompt == null) {
            throw new CorpusException(file + ", line " + number + ": no text \"" + options.promptField()
                    + "\" (expected: an object of JSON a line, with one)");
        }
        return prompt;
    }

    private void requireSame(Path prompts, Path out, long number, String line, String old) throws CorpusException {
        String prompt = prompt(prompts, number, line);
        if (!prompt.equals(field(old, PROMPT))) {
            throw new CorpusException(out + ", line " + number + ": another prompt (expected: that of line " + number
                    + " of " + prompts + "; another --out begins anew)");
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

    /** Lines that a file has; what stands behind the last of them was broken off, and is cut. */
    private static long completeLines(Path file) throws IOException {
        if (!Files.exists(file)) {
            return 0;
        }
        long lines = 0;
        long end = 0;
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
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
            bytes.setLength(end);
        }
        return lines;
    }
}
