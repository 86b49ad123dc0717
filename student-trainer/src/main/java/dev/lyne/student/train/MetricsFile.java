package dev.lyne.student.train;

import dev.lyne.student.checkpoint.RunState;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code metrics.jsonl}: a line a step, a line an evaluation, and a line an alarm. One thread uses it. */
final class MetricsFile implements Closeable {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** Name of an alarm's text. */
    static final String ALARM = "alarm";

    /** The names of a line, but for the scheduled values of a step. */
    static final Set<String> OWN = Stream.concat(
                    Stream.of("step", "sources", "held_out_nll", ALARM, StepMetric.TEACHERS),
                    StepMetric.keys().stream())
            .collect(Collectors.toUnmodifiableSet());

    private static final int PIECE_BYTES = 1 << 13;

    private final AppendFile file;

    private MetricsFile(AppendFile file) {
        this.file = file;
    }

    static MetricsFile open(Path path, long length) throws IOException {
        return new MetricsFile(AppendFile.open(path, length, MetricsFile::wholeLines));
    }

    private static long wholeLines(FileChannel channel, long limit) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        for (long end = limit; end > 0; ) {
            long start = Math.max(0, end - piece.capacity());
            piece.clear().limit((int) (end - start));
            while (piece.hasRemaining() && channel.read(piece, start + piece.position()) >= 0) {
                continue;
            }
            for (int i = piece.position() - 1; i >= 0; i--) {
                if (piece.get(i) == '\n') {
                    return start + i + 1;
                }
            }
            end = start;
        }
        return 0;
    }

    /** Bytes of the whole lines in it. */
    long wholeBytes() {
        return file.wholeBytes();
    }

    void step(ProgressListener.Step step) throws IOException {
        ObjectNode line = JSON.createObjectNode();
        line.put("step", step.step());
        StepMetric.put(step, line);
        if (!Double.isNaN(step.coverage())) {
            line.set("sources", JSON.valueToTree(step.positionsBySource()));
        }
        append(line);
    }

    void heldOut(RunState.HeldOut heldOut) throws IOException {
        ObjectNode line = JSON.createObjectNode();
        line.put("step", heldOut.step());
        line.put("held_out_nll", heldOut.nll());
        line.put("seconds", heldOut.seconds());
        append(line);
    }

    /** Writes a warning of the student's own text, for people. */
    void alarm(long step, double seconds, String alarm) throws IOException {
        ObjectNode line = JSON.createObjectNode();
        line.put("step", step);
        line.put("seconds", seconds);
        line.put(ALARM, alarm);
        append(line);
    }

    private void append(ObjectNode line) throws IOException {
        file.append((JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
    }

    long force() throws IOException {
        return file.force();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
