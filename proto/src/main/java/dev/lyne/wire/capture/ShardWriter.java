package dev.lyne.wire.capture;

import dev.lyne.files.AtomicFile;
import dev.lyne.files.UnwritableFileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes one shard: header, entries, index, trailer. It stands aside until {@link #finish}, and closed before that it leaves
 * nothing. One thread.
 */
public final class ShardWriter implements AutoCloseable {
    private final AtomicFile file;
    private final int number;
    private final Map<SequenceKey, List<int[]>> claimed = new HashMap<>();
    private final List<IndexRecord> records = new ArrayList<>();
    private long positions;
    private long blockBytes;

    ShardWriter(Path directory, int number, byte[] identity) throws IOException {
        this.number = number;
        this.file = AtomicFile.create(directory.resolve(ShardFile.name(number)));
        try {
            file.append(FileHeader.of(FileHeader.SHARD, identity, number));
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Whether rows are still to be added: false where a call before this one claimed the same rows of that sequence.
     *
     * @param positions ascending, at least one
     */
    public boolean claim(int[] tokens, int[] positions) {
        List<int[]> held = claimed.computeIfAbsent(SequenceKey.of(tokens), key -> new ArrayList<>(1));
        if (held.stream().anyMatch(before -> Arrays.equals(before, positions))) {
            return false;
        }
        held.add(positions);
        return true;
    }

    /**
     * Adds a sequence's rows.
     *
     * @param positions of the rows, ascending, at least one
     * @param blocks that hold them, in order, as they travel; their positions do not move
     * @throws UnwritableFileException where the disk is full
     */
    public void add(int[] tokens, int[] positions, List<ByteBuffer> blocks) throws IOException {
        add(0, tokens, positions, blocks);
    }

    /**
     * The same of a trajectory.
     *
     * @param step that gave the rows, from 1
     */
    public void add(long step, int[] tokens, int[] positions, List<ByteBuffer> blocks) throws IOException {
        long offset = file.length();
        ByteBuffer entry = new EntryBytes(step, blocks).write();
        records.add(new IndexRecord(
                SequenceKey.of(tokens),
                number,
                offset,
                entry.remaining(),
                positions.length,
                positions[0],
                positions[positions.length - 1],
                tokens.length));
        this.positions += positions.length;
        blockBytes += blocks.stream().mapToLong(ByteBuffer::remaining).sum();
        file.append(entry);
    }

    /** Number of the shard. */
    public int number() {
        return number;
    }

    /** Writes index and trailer, forces all to the disk, and puts the shard in its place. */
    public void finish() throws IOException {
        records.sort(IndexRecord.ORDER);
        ByteBuffer index = Bytes.allocate(Math.multiplyExact(records.size(), IndexRecord.BYTES));
        records.forEach(record -> record.put(index));
        index.flip();
        ByteBuffer trailer =
                ShardFile.trailer(file.length(), records.size(), Bytes.crc32c(index), positions, blockBytes);
        file.append(index);
        file.append(trailer);
        file.commit();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
