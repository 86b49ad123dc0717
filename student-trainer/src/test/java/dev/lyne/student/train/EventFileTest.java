package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EventFileTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochMilli(1_700_000_000_500L));

    @TempDir
    Path directory;

    @Test
    void open_newFile_beginsWithTheVersionRecord() throws IOException {
        Path file = directory.resolve("events");
        EventFile.open(file, 0, CLOCK).close();
        byte[] bytes = Files.readAllBytes(file);
        // 24 bytes of event: a double (tag 09) and a string of 13 characters (tag 1a 0d). The checksum of that length
        // is the
        // one that begins every event file TensorBoard writes.
        assertThat(HexFormat.of().formatHex(bytes, 0, 12)).isEqualTo("1800000000000000a37f4b22");
        assertThat(new String(bytes, 23, 13, StandardCharsets.UTF_8)).isEqualTo("brain.Event:2");
        assertThat(bytes).hasSize(8 + 4 + 24 + 4);
    }

    @Test
    void scalars_severalSteps_areReadBack() throws IOException {
        Path file = directory.resolve("events");
        try (EventFile events = EventFile.open(file, 0, CLOCK)) {
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("train/loss", 2.5);
            values.put("held_out/nll", -1.0);
            events.scalars(7, values);
            events.scalars(8, Map.of("train/loss", 2.25));
        }
        assertThat(read(file)).containsExactly("7 train/loss 2.5", "7 held_out/nll -1.0", "8 train/loss 2.25");
    }

    @Test
    void open_withLength_cutsBackToIt() throws IOException {
        Path file = directory.resolve("events");
        long length;
        try (EventFile events = EventFile.open(file, 0, CLOCK)) {
            events.scalars(1, Map.of("a", 1.0));
            length = events.force();
            events.scalars(2, Map.of("a", 2.0));
        }
        try (EventFile events = EventFile.open(file, length, CLOCK)) {
            events.scalars(2, Map.of("a", 3.0));
        }
        assertThat(read(file)).containsExactly("1 a 1.0", "2 a 3.0");
    }

    private static List<String> read(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<String> result = new ArrayList<>();
        while (in.hasRemaining()) {
            int start = in.position();
            int length = (int) in.getLong();
            assertThat(in.getInt()).isEqualTo(masked(in.array(), start, 8));
            byte[] event = new byte[length];
            in.get(event);
            assertThat(in.getInt()).isEqualTo(masked(event, 0, length));
            readEvent(event, result);
        }
        return result;
    }

    private static void readEvent(byte[] event, List<String> result) throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(event);
        long step = 0;
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag >>> 3) {
                case 1 -> assertThat(in.readDouble()).isEqualTo(1_700_000_000.5);
                case 2 -> step = in.readInt64();
                case 3 -> assertThat(in.readString()).isEqualTo("brain.Event:2");
                case 5 -> readSummary(step, in.readByteArray(), result);
                default -> throw new AssertionError("field " + (tag >>> 3));
            }
        }
    }

    private static void readSummary(long step, byte[] summary, List<String> result) throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(summary);
        while (in.readTag() == (1 << 3 | 2)) {
            CodedInputStream value = CodedInputStream.newInstance(in.readByteArray());
            assertThat(value.readTag()).isEqualTo(1 << 3 | 2);
            String name = value.readString();
            assertThat(value.readTag()).isEqualTo(2 << 3 | 5);
            result.add(step + " " + name + " " + value.readFloat());
        }
    }

    /** As TensorFlow's documentation of TFRecord defines it. */
    private static int masked(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        long value = crc.getValue();
        return (int) (((value >>> 15) | (value << 17)) + 0xa282ead8L);
    }
}
