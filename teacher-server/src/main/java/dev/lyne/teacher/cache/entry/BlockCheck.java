package dev.lyne.teacher.cache.entry;

import dev.lyne.row.Precision;
import dev.lyne.teacher.cache.entry.EntryFormat.Reading;
import dev.lyne.teacher.score.CachedSelection;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Containment;
import dev.lyne.wire.Digests;
import dev.lyne.wire.MalformedBlockException;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.TargetBlock;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Checks stored blocks as a student would: each decodes, comes from this teacher (in deterministic mode: on this machine), and
 * answers these very tokens. An entry that someone else wrote, whole and with a good checksum, does not pass as another sequence's rows.
 */
final class BlockCheck {
    private BlockCheck() {}

    static Reading check(List<byte[]> blocks, RowsQuery query) {
        List<TargetBlock> decoded = new ArrayList<>();
        List<EncodedBlock> encoded = new ArrayList<>();
        for (byte[] bytes : blocks) {
            TargetBlock block;
            try {
                block = BlockDecoder.decodeToCut(ByteBuffer.wrap(bytes));
            } catch (MalformedBlockException e) {
                return new Reading.Damaged(String.valueOf(e.getMessage()));
            }
            String fault = fault(block.header(), query);
            if (!fault.isEmpty()) {
                return new Reading.Damaged(fault);
            }
            decoded.add(block);
            encoded.add(new EncodedBlock(block.header().positions()[0], block.rows(), bytes));
        }
        int[] positions = decoded.stream()
                .flatMapToInt(block -> Arrays.stream(block.header().positions()))
                .toArray();
        if (!ascending(positions) || positions[positions.length - 1] >= query.tokens().length) {
            return new Reading.Damaged("its positions are not those of one sequence in order");
        }
        BlockHeader first = decoded.get(0).header();
        if (decoded.stream().anyMatch(block -> !sameRows(block.header(), first))) {
            return new Reading.Damaged("its blocks are of several selections, precisions or machines");
        }
        RowFormat format = new RowFormat(first.selection(), first.precision(), first.rawLogits());
        double keptMass = first.precision() == Precision.EXACT
                ? decoded.stream().mapToDouble(Containment::keptMass).min().orElse(0)
                : 0;
        int[][] chosen = first.selection().keepsChosen() ? ids(decoded) : new int[0][];
        CachedSelection holds = new CachedSelection(format, positions, chosen, keptMass);
        return new Reading.Sound(new StoredRows(holds, new EncodedSequence(encoded)));
    }

    /** Returns in words how a block's header differs from what the query's server writes; empty where it does not. */
    private static String fault(BlockHeader header, RowsQuery query) {
        if (!Arrays.equals(header.teacherDigest(), query.teacher().modelDigest())
                || header.vocabularySize() != query.teacher().vocabularySize()) {
            return "its rows are of another teacher";
        }
        if (query.teacher().deterministic() && !Arrays.equals(header.fingerprintDigest(), query.fingerprintDigest())) {
            return "its rows are of another machine";
        }
        if (!Arrays.equals(header.rowsDigest(), Digests.rows(query.tokens(), header.positions(), 0, header.rows()))) {
            return "its rows answer another sequence";
        }
        if (!query.isKeyOf(header.selection())) {
            return "its selection is not of the key's family";
        }
        return "";
    }

    private static boolean sameRows(BlockHeader one, BlockHeader other) {
        return one.selection().equals(other.selection())
                && one.precision() == other.precision()
                && one.rawLogits() == other.rawLogits()
                && Arrays.equals(one.fingerprintDigest(), other.fingerprintDigest());
    }

    /** Chosen ids of each row, ascending. */
    private static int[][] ids(List<TargetBlock> blocks) {
        return blocks.stream()
                .flatMap(block -> IntStream.range(0, block.rows())
                        .mapToObj(
                                row -> Arrays.copyOfRange(block.ids(), block.offsets()[row], block.offsets()[row + 1])))
                .map(ids -> Arrays.stream(ids).sorted().toArray())
                .toArray(int[][]::new);
    }

    private static boolean ascending(int[] positions) {
        return IntStream.range(1, positions.length).allMatch(i -> positions[i - 1] < positions[i]);
    }
}
