package dev.lyne.student.rollout;

import dev.lyne.files.AtomicFile;
import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.SealedJson;
import dev.lyne.student.tokens.Window;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The responses of a run, a file of JSON lines a phase, so that a resumed run trains on what the stopped one wrote. A file stands
 * whole or not at all, and each line ends with the CRC32C of what stands before it. One thread uses it.
 */
public final class RolloutFiles {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private static final String PREFIX = "phase-";
    private static final String SUFFIX = ".jsonl";

    private final Path directory;

    /**
     * A prompt with what was written after it.
     *
     * @param chosen ids that the student named for each token's row, {@code [tokens][k]}; empty where it named none
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
    public record Rollout(Prompt prompt, Response response, int[][] chosen) {
        /** Prompt and response as one sequence, with the positions whose next token is one of the response. */
        public Window window() {
            return prompt.with(response.tokens(), Integer.MAX_VALUE);
        }
    }

    public RolloutFiles(Path directory) {
        this.directory = directory;
    }

    /** Keeps the responses of a phase. */
    public void write(long phase, List<Rollout> rollouts) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (Rollout rollout : rollouts) {
            lines.append(SealedJson.seal(JSON.writeValueAsString(rollout))).append('\n');
        }
        Files.createDirectories(directory);
        AtomicFile.write(file(phase), lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * The responses of a phase, where they were kept.
     *
     * @throws IOException where a line is not what was written
     */
    public Optional<List<Rollout>> read(long phase) throws IOException {
        Path file = file(phase);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        List<Rollout> rollouts = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            rollouts.add(rollout(line, file + ":" + (rollouts.size() + 1)));
        }
        return Optional.of(rollouts);
    }

    private static Rollout rollout(String line, String where) throws IOException {
        try {
            return JSON.readValue(SealedJson.open(line), Rollout.class);
        } catch (JacksonException e) {
            throw new IOException(where + ": damaged: " + JsonFaults.explain(e), e);
        } catch (IllegalArgumentException e) {
            throw new IOException(where + ": damaged: " + e.getMessage(), e);
        }
    }

    /** Forgets the phases from this one on: a run that goes on from before them writes them anew. */
    public void forgetFrom(long phase) throws IOException {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (Long.parseLong(name.substring(PREFIX.length(), name.length() - SUFFIX.length())) >= phase) {
                    Files.delete(file);
                }
            }
        }
    }

    private Path file(long phase) {
        return directory.resolve(PREFIX + phase + SUFFIX);
    }
}
