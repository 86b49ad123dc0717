package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SafetensorsFileTest {
    @TempDir
    Path directory;

    private Path raw(String header, int dataBytes) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(text.length).put(text);
        return Files.write(directory.resolve("raw.safetensors"), bytes.array());
    }

    private static ByteBuffer floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
        StoredFloats.encode(values, 0, values.length, StoredType.F32, bytes);
        return bytes.flip();
    }

    @Test
    void writeThenRead_pieces_areTheSameBytes() throws IOException {
        Path file = directory.resolve("model.safetensors");
        TensorEntry matrix = new TensorEntry("a", StoredType.F32, new long[] {2, 2});
        TensorEntry empty = new TensorEntry("empty", StoredType.BF16, new long[] {0, 3});
        TensorEntry step = new TensorEntry("step", StoredType.I64, new long[] {});
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, List.of(matrix, empty, step), Map.of("note", "kept"))) {
            writer.write("a", floats(1, 2, 3));
            writer.write("a", floats(4));
            writer.write(
                    "step",
                    ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 77));
            assertThat(file).doesNotExist();
            writer.commit();
        }
        SafetensorsFile read = SafetensorsFile.open(file);
        assertThat(read.tensors().values()).containsExactly(matrix, empty, step);
        assertThat(read.metadata()).containsEntry("format", "pt").containsEntry("note", "kept");
        ByteBuffer part = ByteBuffer.allocateDirect(8).order(ByteOrder.LITTLE_ENDIAN);
        read.read("a", 4, part);
        assertThat(part.flip().getFloat(0)).isEqualTo(2);
        assertThat(part.getFloat(4)).isEqualTo(3);
        part.clear();
        read.read("step", 0, part);
        assertThat(part.flip().getLong(0)).isEqualTo(77);
        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void close_withoutCommit_leavesTheOldFileAndNothingElse() throws IOException {
        Path file = Files.writeString(directory.resolve("model.safetensors"), "old");
        TensorEntry tensor = new TensorEntry("a", StoredType.F32, new long[] {2});
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(tensor), Map.of())) {
            writer.write("a", floats(1));
            assertThatThrownBy(writer::commit).hasMessageContaining("tensor a: 4 bytes written (expected: 8)");
            assertThatThrownBy(() -> writer.write("a", floats(1, 2))).hasMessageContaining("at most 4");
            assertThatThrownBy(() -> writer.write("b", floats(1))).hasMessageContaining("(expected: a)");
        }
        assertThat(file).hasContent("old");
        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void read_fileOverTwoGibibytes_reachesItsEnd() throws IOException {
        Path file = directory.resolve("large.safetensors");
        long rows = (5L << 29) + 3; // 2.5 GiB and 3 bytes, all but the marked ones a hole in the file
        String header = "{\"big\":{\"dtype\":\"U8\",\"shape\":[" + rows + "],\"data_offsets\":[0," + rows
                + "]},\"end\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" + rows + "," + (rows + 4) + "]}}";
        long start = 8 + header.length();
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(0, header.length())
                    .array());
            sparse.writeBytes(header);
            for (long seam : new long[] {1L << 30, 2L << 30}) {
                sparse.seek(seam - 2);
                sparse.write(new byte[] {1, 2, 3, 4});
            }
            sparse.seek(start + rows);
            sparse.write(floats(2.5f).array());
        }
        SafetensorsFile read = SafetensorsFile.open(file);
        ByteBuffer last = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        read.read("end", 0, last);
        assertThat(last.flip().getFloat(0)).isEqualTo(2.5f);
        for (long seam : new long[] {1L << 30, 2L << 30}) { // across two mappings
            ByteBuffer across = ByteBuffer.allocate(6);
            read.read("big", seam - 3 - start, across);
            assertThat(across.array()).containsExactly(0, 1, 2, 3, 4, 0);
        }
        assertThatThrownBy(() -> read.read("big", rows - 3, ByteBuffer.allocate(4)))
                .hasMessageContaining("(expected: within its " + rows + " bytes)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}} | 4 | tensor a: 4 bytes (expected: 8, for F32[2])",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | 4 | tensor a: ends at byte 8 of the data (expected: at most 4",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[1],'data_offsets':[2,6]}} | 6 | tensor b: begins at byte 2 of the data (expected: 4",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | 8 | tensor a: begins at byte 4 of the data (expected: 0",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | 9 | bytes after the last tensor: 5 (expected: 0)",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[8,4]}} | 8 | data_offsets [8, 4] (expected: two byte offsets",
                "{'a':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}} | 4 | shape [-1] (expected: integers of at least 0)",
                "{'a':{'dtype':'F32','shape':[1.0],'data_offsets':[0,4]}} | 4 | shape [1.0] (expected: integers of at least 0)",
                "{'a':{'dtype':'F32','shape':[4611686018427387904,2],'data_offsets':[0,4]}} | 4 | (expected: a size below 2^63 bytes)",
                "{'a':{'dtype':'F32','shape':[99999999999999999999],'data_offsets':[0,4]}} | 4 | (expected: integers of at least 0)",
                "{'a':{'dtype':'Q4','shape':[1],'data_offsets':[0,4]}} | 4 | tensor a: dtype \"Q4\" (expected: one of [F64, F32",
                "{'a':{'dtype':'F32','shape':[1]}} | 4 | (expected: an object of dtype, shape and data_offsets)",
                "{'a':7} | 4 | tensor a: 7 (expected: an object of dtype, shape and data_offsets)",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | 8 | a stands there twice",
                "{'__metadata__':{'x':1}} | 0 | __metadata__.x: a number (expected: a string)",
                "[1,2] | 0 | header: a list (expected: a JSON object of tensors)",
                "{'a': | 0 | (expected: a JSON object of tensors)"
            })
    void open_hostileHeader_isRefusedWithFileAndTensor(String header, int dataBytes, String message)
            throws IOException {
        Path file = raw(header.replace('\'', '"'), dataBytes);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({"-1", "0", "9223372036854775807", "99999999", "3"})
    void open_headerLengthBeyondTheFile_isRefusedUnallocated(long length) throws IOException {
        Path file = directory.resolve("raw.safetensors");
        ByteBuffer bytes =
                ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
        Files.write(file, bytes.array());
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage(file + ": header length: " + Long.toUnsignedString(length)
                        + " (expected: 2..2, from the file's size)");
    }

    @Test
    void open_everyTruncation_isRefused() throws IOException {
        Path file = directory.resolve("model.safetensors");
        TensorEntry tensor = new TensorEntry("a", StoredType.F32, new long[] {3});
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(tensor), Map.of())) {
            writer.write("a", floats(1, 2, 3));
            writer.commit();
        }
        for (long size = Files.size(file) - 1; size >= 0; size--) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(size);
            }
            assertThatThrownBy(() -> SafetensorsFile.open(file))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("(expected: ");
        }
        assertThatThrownBy(() -> SafetensorsFile.open(directory.resolve("nowhere")))
                .hasMessageContaining("no such file");
    }
}
