package dev.lyne.wire.capture;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.BlockNarrowing;
import dev.lyne.wire.Containment;
import dev.lyne.wire.Digests;
import dev.lyne.wire.MalformedBlockException;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** A complete capture, to be read: rows are looked up by their sequence's tokens. Safe for several threads. */
public final class Capture {
    private final Path directory;
    private final CaptureManifest manifest;
    private final List<ShardFile> shards;
    private final SequenceIndex index;

    private Capture(Path directory, CaptureManifest manifest, List<ShardFile> shards, SequenceIndex index) {
        this.directory = directory;
        this.manifest = manifest;
        this.shards = shards;
        this.index = index;
    }

    /**
     * Opens a capture, having checked the manifest, the whole index, and each shard's header, trailer and length. Entries are checked
     * when they are read.
     *
     * @throws IllegalArgumentException where the directory holds none of that kind, or one that is not complete
     * @throws DamagedCaptureException where a file is not what was written
     */
    public static Capture open(Path directory, String kind) throws IOException {
        CaptureManifest manifest = ManifestFile.read(directory);
        if (!manifest.kind().equals(kind)) {
            throw new IllegalArgumentException(
                    directory + ": a capture of kind " + manifest.kind() + " (expected: " + kind + ")");
        }
        if (!manifest.complete()) {
            throw new IllegalArgumentException(
                    directory + ": not complete (expected: a capture that ran to its end; the same command goes on)");
        }
        byte[] identity = manifest.identitySha256();
        List<ShardFile> shards = new ArrayList<>();
        for (int number = 0; number < manifest.shardCount(); number++) {
            ShardFile shard = ShardFile.open(directory, number, identity);
            if (!shard.contents().equals(manifest.contents().shards().get(number))) {
                throw new DamagedCaptureException(
                        shard.file(),
                        shard.contents() + " (expected: "
                                + manifest.contents().shards().get(number) + ")");
            }
            shards.add(shard);
        }
        SequenceIndex index = SequenceIndex.open(directory, identity);
        if (index.records() != manifest.contents().sequences()) {
            throw new DamagedCaptureException(
                    directory.resolve(SequenceIndex.FILE),
                    index.records() + " records (expected: "
                            + manifest.contents().sequences() + ")");
        }
        return new Capture(directory, manifest, shards, index);
    }

    /** Opens a capture of the rows of a corpus, see above. */
    public static Capture open(Path directory) throws IOException {
        return open(directory, CaptureManifest.DATA);
    }

    /** Returns the manifest: where the rows are from, and which there are. */
    public CaptureManifest manifest() {
        return manifest;
    }

    /** Returns the capture's directory. */
    public Path directory() {
        return directory;
    }

    /** Rows of whatever step, see below. */
    public Optional<CapturedRows> rows(int[] tokens, int[] positions, Selection selection, boolean narrowing)
            throws IOException {
        return rows(tokens, positions, selection, narrowing, StepRange.ALL);
    }

    /**
     * The rows of a sequence at those positions; empty where the capture does not hold them all. Rows of the captured selection and
     * positions are the bytes that were captured; others are cut out of them. Of a trajectory, they are those of the last step that
     * held the sequence.
     *
     * @param steps that may have given the rows; {@link StepRange#ALL} where the capture is no trajectory
     * @param positions ascending, at least one
     * @param selection one that the captured selection may contain, see {@link RowFormat#refusal}
     * @param narrowing whether entries may be cut out of wider rows, and single rows out of compact blocks, whose bytes then differ
     *     from those of fresh rows
     * @throws DamagedCaptureException where the bytes are not what was written
     */
    public Optional<CapturedRows> rows(
            int[] tokens, int[] positions, Selection selection, boolean narrowing, StepRange steps) throws IOException {
        boolean compact = manifest.rows().precision() == Precision.COMPACT;
        for (IndexRecord record : records(tokens)) {
            if (record.mayCover(positions) && (record.rows() == positions.length || narrowing || !compact)) {
                Optional<CapturedRows> rows = cut(entry(record, tokens, steps), tokens, positions, selection);
                if (rows.isPresent()) {
                    return rows;
                }
            }
        }
        return Optional.empty();
    }

    /** Whether one of those steps of a trajectory gave rows of the sequence at those positions. */
    public boolean holds(int[] tokens, int[] positions, StepRange steps) throws IOException {
        for (IndexRecord record : records(tokens)) {
            if (record.mayCover(positions) && steps.contains(shard(record).step(record))) {
                return true;
            }
        }
        return false;
    }

    /** Returns the records of tokens; of a trajectory, later steps first. */
    private List<IndexRecord> records(int[] tokens) {
        List<IndexRecord> records = index.find(SequenceKey.of(tokens));
        if (manifest.inTraining()) {
            records = new ArrayList<>(records);
            Collections.reverse(records);
        }
        return records;
    }

    /** A block with what it says of itself. */
    private record Held(ByteBuffer bytes, BlockHeader header) {}

    private ShardFile shard(IndexRecord record) throws IOException {
        if (record.shard() < 0 || record.shard() >= shards.size()) {
            throw new DamagedCaptureException(
                    directory.resolve(SequenceIndex.FILE),
                    "shard " + record.shard() + " (expected: 0.." + (shards.size() - 1) + ")");
        }
        return shards.get(record.shard());
    }

    /** An entry's blocks; none where its step is not among those wanted. */
    private List<Held> entry(IndexRecord record, int[] tokens, StepRange steps) throws IOException {
        ShardFile shard = shard(record);
        EntryBytes read = EntryBytes.read(shard.entry(record), manifest.inTraining(), shard.file(), record.offset());
        if (!steps.contains(read.step())) {
            return List.of();
        }
        List<Held> entry = new ArrayList<>();
        int rows = 0;
        for (ByteBuffer block : read.blocks()) {
            BlockHeader header;
            try {
                header = BlockDecoder.header(block);
            } catch (MalformedBlockException e) {
                throw new DamagedCaptureException(shard.file(), record.offset(), "block: " + e.getMessage());
            }
            int[] positions = header.positions();
            if (!Arrays.equals(header.rowsDigest(), Digests.rows(tokens, positions, 0, positions.length))) {
                throw new DamagedCaptureException(
                        shard.file(), record.offset(), "a block of other tokens (expected: the sequence of its key)");
            }
            entry.add(new Held(block, header));
            rows += header.rows();
        }
        if (rows != record.rows()) {
            throw new DamagedCaptureException(
                    shard.file(), record.offset(), rows + " rows (expected: " + record.rows() + " as in the index)");
        }
        return entry;
    }

    /** Cuts out what is wanted; empty where positions are not there, or entries not what the selection needs. */
    private Optional<CapturedRows> cut(List<Held> entry, int[] tokens, int[] wanted, Selection selection) {
        List<ByteBuffer> blocks = new ArrayList<>();
        boolean narrowed = false;
        int rows = 0;
        for (Held held : entry) {
            int[] positions = Arrays.stream(held.header().positions())
                    .filter(position -> Arrays.binarySearch(wanted, position) >= 0)
                    .toArray();
            rows += positions.length;
            if (positions.length == 0) {
                continue;
            }
            if (positions.length == held.header().rows()
                    && held.header().selection().equals(selection)) {
                blocks.add(held.bytes());
            } else if (holds(held, selection)) {
                byte[] digest = Digests.rows(tokens, positions, 0, positions.length);
                blocks.add(ByteBuffer.wrap(BlockNarrowing.narrow(held.bytes(), selection, positions, digest)));
                narrowed |= !held.header().selection().equals(selection);
            } else {
                return Optional.empty();
            }
        }
        return rows == wanted.length ? Optional.of(new CapturedRows(blocks, narrowed)) : Optional.empty();
    }

    private static boolean holds(Held held, Selection selection) {
        return Containment.answers(
                held.header().selection(),
                selection,
                held.header().precision(),
                held.header().vocabularySize(),
                Containment.keptMass(BlockDecoder.decode(held.bytes())));
    }
}
