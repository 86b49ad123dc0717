package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A finished shard: its header and trailer, and its index when asked for. Safe for several threads. */
final class ShardFile {
    /** "LYNE". */
    private static final int END = 0x454e594c;

    private static final Pattern NAME = Pattern.compile("shard-(\\d{6,9})\\.blocks");
    private static final int TRAILER_BYTES = 8 + 4 + 4 + 8 + 8 + 4 + 4;

    private final Path file;
    private final int number;
    private final CaptureManifest.Shard contents;
    private final long indexOffset;
    private final int indexCrc32c;

    private ShardFile(Path file, int number, CaptureManifest.Shard contents, long indexOffset, int indexCrc32c) {
        this.file = file;
        this.number = number;
        this.contents = contents;
        this.indexOffset = indexOffset;
        this.indexCrc32c = indexCrc32c;
    }

    static String name(int number) {
        return "shard-%06d.blocks".formatted(number);
    }

    /** The number of the shard that a file of that name is; none where it is something else. */
    static OptionalInt number(String name) {
        Matcher matcher = NAME.matcher(name);
        return matcher.matches() ? OptionalInt.of(Integer.parseInt(matcher.group(1))) : OptionalInt.empty();
    }

    static boolean exists(Path directory, int number) {
        return Files.isRegularFile(directory.resolve(name(number)));
    }

    static ByteBuffer trailer(long indexOffset, int records, int indexCrc32c, long positions, long blockBytes) {
        ByteBuffer trailer = Bytes.allocate(TRAILER_BYTES);
        trailer.putLong(indexOffset).putInt(records).putInt(indexCrc32c);
        trailer.putLong(positions).putLong(blockBytes).putInt(END);
        trailer.putInt(Bytes.crc32c(trailer.duplicate().flip()));
        return trailer.flip();
    }

    /** Opens a shard that belongs to the capture of that identity, having checked its header and its trailer. */
    static ShardFile open(Path directory, int number, byte[] identity) throws IOException {
        Path file = directory.resolve(name(number));
        try (FileChannel channel = Bytes.open(file)) {
            long stated = FileHeader.read(channel, file, FileHeader.SHARD, identity);
            if (stated != number) {
                throw new DamagedCaptureException(file, 40, "shard " + stated + " (expected: " + number + ")");
            }
            long size = channel.size();
            long at = Math.max(FileHeader.BYTES, size - TRAILER_BYTES);
            ByteBuffer trailer = Bytes.unsealed(Bytes.read(channel, file, at, TRAILER_BYTES), file, at, "trailer");
            long indexOffset = trailer.getLong();
            int records = trailer.getInt();
            int indexCrc32c = trailer.getInt();
            var contents = new CaptureManifest.Shard(size, records, trailer.getLong(), trailer.getLong());
            int end = trailer.getInt();
            if (end != END || records < 1 || indexOffset != at - (long) records * IndexRecord.BYTES) {
                throw new DamagedCaptureException(
                        file, at, "trailer of an index of " + records + " records at " + indexOffset);
            }
            return new ShardFile(file, number, contents, indexOffset, indexCrc32c);
        }
    }

    /** Returns the shard's counts. */
    CaptureManifest.Shard contents() {
        return contents;
    }

    /** Returns the shard's index records, one after the other, in order of key. */
    ByteBuffer index() throws IOException {
        try (FileChannel channel = Bytes.open(file)) {
            ByteBuffer index = Bytes.read(channel, file, indexOffset, contents.sequences() * IndexRecord.BYTES);
            Bytes.requireChecksum(Bytes.crc32c(index), indexCrc32c, file, indexOffset, "index");
            return index;
        }
    }

    /** Reads an entry's bytes, as they are. */
    ByteBuffer entry(IndexRecord record) throws IOException {
        if (record.shard() != number
                || record.offset() < FileHeader.BYTES
                || record.length() < 0
                || record.offset() + record.length() > indexOffset) {
            throw new DamagedCaptureException(
                    file,
                    record.offset(),
                    "an entry of " + record.length() + " bytes in the index (expected: one that ends by " + indexOffset
                            + ")");
        }
        try (FileChannel channel = Bytes.open(file)) {
            return Bytes.read(channel, file, record.offset(), record.length());
        }
    }

    /** The step of a trajectory's entry, unchecked. */
    long step(IndexRecord record) throws IOException {
        try (FileChannel channel = Bytes.open(file)) {
            return Bytes.read(channel, file, record.offset(), Long.BYTES).getLong();
        }
    }

    Path file() {
        return file;
    }
}
