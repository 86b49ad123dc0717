package dev.lyne.wire.capture;

import dev.lyne.wire.RowFormat;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Manifest of a capture: what it is of, and, once it is complete, what it holds. Stands in {@value #FILE}.
 *
 * @param format version of the layout, {@value #FORMAT}
 * @param kind what was captured: {@value #DATA}, the rows of a corpus, or {@value #TRAJECTORY}, rows of a model in training
 * @param trajectory the training run; {@link CapturedTrajectory#NONE} of a corpus
 * @param windows windows of the corpus, or of the training run; several may be the same sequence
 * @param shardWindows windows that a shard covers: shard i covers those from i · shardWindows, in order
 * @param contents what it holds, whose values the file has beside the others
 */
public record CaptureManifest(
        int format,
        String kind,
        CapturedTeacher teacher,
        RowFormat rows,
        CapturedPacking packing,
        CapturedTrajectory trajectory,
        long windows,
        int shardWindows,
        Contents contents) {
    /** Name of the file. */
    public static final String FILE = "manifest.json";

    /** Version of captures written, and the only one read. */
    public static final int FORMAT = 3;

    /** The rows of a corpus. */
    public static final String DATA = "data";

    /** The rows of a model in training, as it stood at each step. */
    public static final String TRAJECTORY = "trajectory";

    /**
     * Contents of a capture.
     *
     * @param complete whether every shard and the index are there
     * @param sequences sequences held, over all shards; 0 until complete, as what follows
     * @param positions rows held
     * @param blockBytes bytes of the blocks
     * @param shards each shard, in order; empty until complete
     */
    public record Contents(boolean complete, long sequences, long positions, long blockBytes, List<Shard> shards) {
        private static final Contents NONE = new Contents(false, 0, 0, 0, List.of());

        public Contents {
            shards = List.copyOf(shards);
        }

        private static Contents of(boolean complete, List<Shard> shards) {
            return new Contents(
                    complete,
                    shards.stream().mapToLong(Shard::sequences).sum(),
                    shards.stream().mapToLong(Shard::positions).sum(),
                    shards.stream().mapToLong(Shard::blockBytes).sum(),
                    complete ? shards : List.of());
        }
    }

    /** Counts of one shard; {@code bytes} is the file's length. */
    public record Shard(long bytes, int sequences, long positions, long blockBytes) {}

    public CaptureManifest {
        require("format", format, format == FORMAT, FORMAT + "; what another version captured is to be captured again");
        require("kind", kind, kind.equals(DATA) || kind.equals(TRAJECTORY), DATA + " or " + TRAJECTORY);
        require("selection", rows.selection(), !rows.selection().keepsChosen(), RowFormat.UNCHOSEN);
        boolean trained = kind.equals(TRAJECTORY);
        require(
                "trajectory",
                trajectory,
                trained != trajectory.equals(CapturedTrajectory.NONE),
                "one with kind trajectory");
        require(
                "windows",
                windows,
                !trained || windows == trajectory.batch() * trajectory.steps(),
                "batch times steps of the trajectory");
        require("windows", windows, windows >= 1, "1 or more");
        require("shard_windows", shardWindows, shardWindows >= 1, "1 or more");
        long count = (windows - 1) / shardWindows + 1;
        require("shards needed", count, count <= 1 << 24, "at most " + (1 << 24) + "; shards of more windows");
        long expected = contents.complete() ? count : 0;
        int found = contents.shards().size();
        require("shards", found, found == expected, Long.toString(expected));
    }

    /** Returns the manifest of a capture that is to be made; nothing is there yet. */
    public static CaptureManifest planned(
            CapturedTeacher teacher, RowFormat rows, CapturedPacking packing, long windows, int shardWindows) {
        return new CaptureManifest(
                FORMAT, DATA, teacher, rows, packing, CapturedTrajectory.NONE, windows, shardWindows, Contents.NONE);
    }

    /**
     * A training run to be captured.
     *
     * @param teacher whose model digest is that of the run
     * @param shardSteps steps of a shard
     */
    public static CaptureManifest planned(
            CapturedTeacher teacher,
            RowFormat rows,
            CapturedPacking packing,
            CapturedTrajectory trajectory,
            int shardSteps) {
        return new CaptureManifest(
                FORMAT,
                TRAJECTORY,
                teacher,
                rows,
                packing,
                trajectory,
                trajectory.batch() * trajectory.steps(),
                Math.multiplyExact(trajectory.batch(), shardSteps),
                Contents.NONE);
    }

    /** Whether its rows are those of a model in training. */
    public boolean inTraining() {
        return kind.equals(TRAJECTORY);
    }

    /** Number of shards when complete. */
    public int shardCount() {
        return (int) ((windows - 1) / shardWindows + 1);
    }

    /** First window of a shard. */
    public long firstWindow(int shard) {
        return (long) shard * shardWindows;
    }

    /** Window after the last one of a shard. */
    public long endWindow(int shard) {
        return Math.min(windows, firstWindow(shard) + shardWindows);
    }

    /** Whether every shard and the index are there. */
    public boolean complete() {
        return contents.complete();
    }

    /** The same, without contents. */
    CaptureManifest incomplete() {
        return with(Contents.NONE);
    }

    /** The same, complete. */
    CaptureManifest holding(List<Shard> held) {
        return with(Contents.of(true, held));
    }

    /** The same, not complete, with the sums of a part's shards; no file has it. */
    CaptureManifest holdingPart(List<Shard> held) {
        return with(Contents.of(false, held));
    }

    private CaptureManifest with(Contents other) {
        return new CaptureManifest(format, kind, teacher, rows, packing, trajectory, windows, shardWindows, other);
    }

    /** Returns by name all that must be equal for two runs to write the same capture. */
    public SortedMap<String, String> identity() {
        SortedMap<String, String> identity = new TreeMap<>();
        identity.put("kind", kind);
        teacher.putIdentity(identity);
        identity.put("rows.selection", rows.selection().toString());
        identity.put("rows.precision", rows.precision().toString());
        identity.put("rows.raw_logits", Boolean.toString(rows.rawLogits()));
        packing.putIdentity(identity);
        trajectory.putIdentity(identity);
        identity.put("windows", Long.toString(windows));
        identity.put("shard_windows", Integer.toString(shardWindows));
        return identity;
    }

    /** SHA-256 over the identity, 32 bytes: by it a shard knows its capture. */
    byte[] identitySha256() {
        StringBuilder canonical = new StringBuilder("lyne capture " + FORMAT + "\n");
        identity()
                .forEach((name, value) ->
                        canonical.append(name).append(' ').append(value).append('\n'));
        return SequenceKey.sha256(canonical.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Each value in which another run's identity differs from this one's, as "name: found (expected: own)". */
    List<String> differences(CaptureManifest found) {
        SortedMap<String, String> own = identity();
        SortedMap<String, String> other = found.identity();
        SortedSet<String> names = new TreeSet<>(own.keySet());
        names.addAll(other.keySet());
        List<String> differences = new ArrayList<>();
        for (String name : names) {
            String value = other.getOrDefault(name, "none");
            String expected = own.getOrDefault(name, "none");
            if (!expected.equals(value)) {
                differences.add(name + ": " + value + " (expected: " + expected + ")");
            }
        }
        return differences;
    }

    private static void require(String name, Object value, boolean holds, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
        }
    }
}
