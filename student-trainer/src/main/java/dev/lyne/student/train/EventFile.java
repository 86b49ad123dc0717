package dev.lyne.student.train;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A TensorBoard event file of scalars. Each record is framed as a TFRecord (length, its masked CRC32C, bytes, their masked
 * CRC32C, all little-endian); the bytes are an {@code Event} message of TensorFlow's event.proto. One thread uses it.
 */
final class EventFile implements Closeable {
    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE_VALUE = 2;
    private static final int HEADER_BYTES = Long.BYTES + Integer.BYTES;
    private static final int MASK_DELTA = 0xa282ead8;

    private final AppendFile file;
    private final InstantSource clock;

    private EventFile(AppendFile file, InstantSource clock) {
        this.file = file;
        this.clock = clock;
    }

    /** Opens a file and keeps its first {@code length} bytes; a new one starts with the format's version. */
    static EventFile open(Path path, long length, InstantSource clock) throws IOException {
        EventFile events = new EventFile(AppendFile.open(path, length, EventFile::wholeRecords), clock);
        if (events.wholeBytes() == 0) {
            events.write(out -> out.writeString(EVENT_FILE_VERSION, "brain.Event:2"));
        }
        return events;
    }

    private static long wholeRecords(FileChannel channel, long limit) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long at = 0;
        while (at + HEADER_BYTES <= limit) {
            header.clear();
            while (header.hasRemaining() && channel.read(header, at + header.position()) >= 0) {
                continue;
            }
            long length = header.getLong(0);
            boolean readable = length >= 0 && header.getInt(Long.BYTES) == maskedCrc(header.array(), Long.BYTES);
            if (!readable || length > limit - at - HEADER_BYTES - Integer.BYTES) {
                return at;
            }
            at += HEADER_BYTES + length + Integer.BYTES;
        }
        return at;
    }

    /** Bytes of the whole records in it. */
    long wholeBytes() {
        return file.wholeBytes();
    }

    /** Appends scalars of a step, by tag. */
    void scalars(long step, Map<String, Double> values) throws IOException {
        byte[] summary = message(out -> {
            for (Map.Entry<String, Double> entry : values.entrySet()) {
                out.writeByteArray(SUMMARY_VALUE, message(value -> {
                    value.writeString(VALUE_TAG, entry.getKey());
                    value.writeFloat(VALUE_SIMPLE_VALUE, entry.getValue().floatValue());
                }));
            }
        });
        write(out -> {
            out.writeInt64(EVENT_STEP, step);
            out.writeByteArray(EVENT_SUMMARY, summary);
        });
    }

    /** Forces what was written to the disk; returns the file's length. */
    long force() throws IOException {
        return file.force();
    }

    private interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    private void write(Fields fields) throws IOException {
        byte[] event = message(out -> {
            out.writeDouble(EVENT_WALL_TIME, clock.millis() / 1e3);
            fields.write(out);
        });
        ByteBuffer record = ByteBuffer.allocate(event.length + 16).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(event.length);
        record.putInt(maskedCrc(record.array(), Long.BYTES));
        record.put(event);
        record.putInt(maskedCrc(event, event.length));
        file.append(record.array());
    }

    private static byte[] message(Fields fields) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        fields.write(out);
        out.flush();
        return bytes.toByteArray();
    }

    private static int maskedCrc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        int value = (int) crc.getValue();
        return (value >>> 15 | value << 17) + MASK_DELTA;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
