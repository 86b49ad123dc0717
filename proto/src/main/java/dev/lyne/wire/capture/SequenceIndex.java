package dev.lyne.wire.capture;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** The records of all shards in order of key, in a memory-mapped file that is searched in halves. Safe for several threads. */
final class SequenceIndex {
    static final String FILE = "sequences.index";

    /** Records of a mapping, which stops at 2 GiB. */
    private static final int SEGMENT = 1 << 24;

    /** Records sorted in memory at a time. */
    private static final int SORTED_AT_ONCE = 1 << 19;

    private final List<ByteBuffer> segments;
    private final long records;

    private SequenceIndex(List<ByteBuffer> segments, long records) {
        this.segments = segments;
        this.records = records;
    }

    /** Writes the index of those shards, a range of keys at a time so that any number of records takes bounded memory. */
    static void write(Path directory, List<ShardFile> shards, byte[] identity) throws IOException {
        long total =
                shards.stream().mapToLong(shard -> shard.contents().sequences()).sum();
        long passes = total / SORTED_AT_ONCE + 1;
        CRC32C crc = new CRC32C();
        try (AtomicFile file = AtomicFile.create(directory.resolve(FILE))) {
            file.append(FileHeader.of(FileHeader.INDEX, identity, total));
            for (long pass = 0; pass < passes; pass++) {
                List<IndexRecord> sorted = ofRange(shards, (pass << 32) / passes, ((pass + 1) << 32) / passes);
                ByteBuffer bytes = Bytes.allocate(Math.multiplyExact(sorted.size(), IndexRecord.BYTES));
                sorted.forEach(record -> record.put(bytes));
                crc.update(bytes.flip().duplicate());
                file.append(bytes);
            }
            file.append(Bytes.allocate(Integer.BYTES).putInt(0, (int) crc.getValue()));
            file.commit();
        }
    }

    private static List<IndexRecord> ofRange(List<ShardFile> shards, long fromPrefix, long toPrefix)
            throws IOException {
        List<IndexRecord> records = new ArrayList<>();
        for (ShardFile shard : shards) {
            ByteBuffer index = shard.index();
            while (index.hasRemaining()) {
                IndexRecord record = IndexRecord.get(index);
                long prefix = record.key().prefix();
                if (prefix >= fromPrefix && prefix < toPrefix) {
                    records.add(record);
                }
            }
        }
        records.sort(IndexRecord.ORDER);
        return records;
    }

    /** Maps the index, having checked its header, its length and its checksum. */
    static SequenceIndex open(Path directory, byte[] identity) throws IOException {
        Path file = directory.resolve(FILE);
        try (FileChannel channel = Bytes.open(file)) {
            long records = FileHeader.read(channel, file, FileHeader.INDEX, identity);
            long end = Math.addExact(FileHeader.BYTES, Math.multiplyExact(records, (long) IndexRecord.BYTES));
            if (channel.size() != end + Integer.BYTES) {
                throw new DamagedCaptureException(
                        file, channel.size() + " bytes (expected: " + (end + Integer.BYTES) + ")");
            }
            CRC32C crc = new CRC32C();
            List<ByteBuffer> segments = new ArrayList<>();
            for (long first = 0; first < records; first += SEGMENT) {
                long bytes = Math.min(SEGMENT, records - first) * IndexRecord.BYTES;
                MappedByteBuffer mapped =
                        channel.map(FileChannel.MapMode.READ_ONLY, FileHeader.BYTES + first * IndexRecord.BYTES, bytes);
                crc.update(mapped.duplicate());
                segments.add(mapped.order(ByteOrder.LITTLE_ENDIAN));
            }
            int stated = Bytes.read(channel, file, end, Integer.BYTES).getInt();
            Bytes.requireChecksum((int) crc.getValue(), stated, file, FileHeader.BYTES, "records");
            return new SequenceIndex(segments, records);
        }
    }

    /** Number of records. */
    long records() {
        return records;
    }

    /** The records of a key, in order of shard and place. */
    List<IndexRecord> find(SequenceKey key) {
        long low = 0;
        long high = records;
        while (low < high) {
            long middle = (low + high) >>> 1;
            if (record(middle).key().compareTo(key) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        List<IndexRecord> found = new ArrayList<>(1);
        for (long at = low; at < records; at++) {
            IndexRecord record = record(at);
            if (!record.key().equals(key)) {
                break;
            }
            found.add(record);
        }
        return found;
    }

    private IndexRecord record(long number) {
        ByteBuffer segment = segments.get((int) (number / SEGMENT));
        int at = (int) (number % SEGMENT) * IndexRecord.BYTES;
        return IndexRecord.get(segment.slice(at, IndexRecord.BYTES).order(ByteOrder.LITTLE_ENDIAN));
    }
}
