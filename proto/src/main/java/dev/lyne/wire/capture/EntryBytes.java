package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An entry: the blocks of one sequence. Integers are little-endian.
 *
 * <pre>
 * 0       4    number of blocks n, 1 or more
 * 4       4n   length of each
 * 4 + 4n       the blocks, one after the other
 *         4    CRC32C of all bytes before it
 * </pre>
 *
 * An entry of a trajectory has the step before all that, 8 bytes.
 *
 * @param step that gave the rows; 0 where the capture is no trajectory
 */
record EntryBytes(long step, List<ByteBuffer> blocks) {
    /** The bytes of an entry. */
    ByteBuffer write() {
        long size = (step == 0 ? 0 : Long.BYTES) + 8 + 4L * blocks.size();
        for (ByteBuffer block : blocks) {
            size += block.remaining();
        }
        ByteBuffer out = Bytes.allocate(Math.toIntExact(size));
        if (step != 0) {
            out.putLong(step);
        }
        out.putInt(blocks.size());
        blocks.forEach(block -> out.putInt(block.remaining()));
        blocks.forEach(block -> out.put(block.duplicate()));
        out.putInt(Bytes.crc32c(out.duplicate().flip()));
        return out.flip();
    }

    /** An entry that was read from there, each block from position 0 of a buffer of its own. */
    static EntryBytes read(ByteBuffer entry, boolean trajectory, Path file, long offset) throws IOException {
        ByteBuffer in = Bytes.unsealed(entry, file, offset, "entry");
        long step = trajectory && in.remaining() >= Long.BYTES ? in.getLong() : 0;
        if (trajectory && step < 1) {
            throw new DamagedCaptureException(file, offset, "entry of step " + step + " (expected: 1 or more)");
        }
        int count = in.remaining() < 4 ? 0 : in.getInt();
        if (count < 1 || count > in.remaining() / Integer.BYTES) {
            throw new DamagedCaptureException(file, offset, "entry of " + count + " blocks (expected: 1 or more)");
        }
        List<ByteBuffer> blocks = new ArrayList<>();
        int at = in.position() + count * Integer.BYTES;
        for (int i = 0; i < count; i++) {
            int length = in.getInt();
            if (length < 0 || length > in.limit() - at) {
                throw new DamagedCaptureException(
                        file, offset, "block of " + length + " bytes (expected: at most " + (in.limit() - at) + ")");
            }
            blocks.add(in.slice(at, length));
            at += length;
        }
        if (at != in.limit()) {
            throw new DamagedCaptureException(
                    file, offset, "entry of " + in.limit() + " bytes (expected: " + at + " as its blocks are)");
        }
        return new EntryBytes(step, blocks);
    }
}
