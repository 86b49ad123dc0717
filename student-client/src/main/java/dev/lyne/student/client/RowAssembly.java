package dev.lyne.student.client;

import com.google.protobuf.ByteString;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.MalformedBlockException;
import dev.lyne.wire.TargetBlock;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * Puts the blocks of one ask together, each checked against what was asked before it is decoded and row by row after. Owned
 * by the callbacks of one call, which come one at a time.
 */
final class RowAssembly {
    private final TargetSequence sequence;
    private final BlockIdentity identity;
    private final RowCheck check;
    private final int stride;
    private final int[] counts;
    private final int[] ids;
    private final float[] logProbabilities;
    private final float[] logTailMass;
    private final float[] dataLogProbability;
    private final float[] temperatureOffsets;
    private final Map<RowSource, Integer> rowsBySource = new EnumMap<>(RowSource.class);
    private int rows;
    private long blockBytes;

    RowAssembly(TargetSequence sequence, BlockIdentity identity, RowCheck check) {
        this.sequence = sequence;
        this.identity = identity;
        this.check = check;
        int wanted = sequence.positions().length;
        stride = identity.selection().mostEntries(identity.vocabularySize());
        counts = new int[wanted];
        ids = new int[Math.multiplyExact(wanted, stride)];
        logProbabilities = new float[ids.length];
        Arrays.fill(logProbabilities, Float.NEGATIVE_INFINITY);
        logTailMass = new float[wanted];
        dataLogProbability = new float[wanted];
        temperatureOffsets =
                new float[wanted * identity.selection().temperatures().size()];
    }

    /** Bytes of the blocks added. */
    long blockBytes() {
        return blockBytes;
    }

    /** Adds the next block; throws where it is not the answer to the next positions asked for. */
    void add(int firstPosition, ByteString bytes, RowSource source) {
        if (rows == sequence.positions().length) {
            throw misaligned(firstPosition, "one block more", "the sequence to be done after " + rows + " rows");
        }
        int next = sequence.positions()[rows];
        if (firstPosition != next) {
            throw misaligned(firstPosition, "a block that starts there", "the block of position " + next);
        }
        try {
            requireAnswer(BlockDecoder.header(bytes.asReadOnlyByteBuffer()));
            TargetBlock block = BlockDecoder.decode(bytes.asReadOnlyByteBuffer());
            for (int row = 0; row < block.rows(); row++) {
                check.requireConsistent(sequence, identity, block, row);
            }
            copy(block);
            rowsBySource.merge(source, block.rows(), Integer::sum);
        } catch (MalformedBlockException e) {
            throw misaligned(next, String.valueOf(e.getMessage()), "a whole block");
        }
        blockBytes += bytes.size();
    }

    /** The targets, once the server says that it has sent all of them. */
    Targets finish(int statedRows) {
        int wanted = sequence.positions().length;
        if (rows != wanted || statedRows != wanted) {
            throw misaligned(
                    sequence.positions()[Math.min(rows, wanted - 1)],
                    "done after " + rows + " rows, " + Integer.toUnsignedString(statedRows) + " stated",
                    wanted + " rows");
        }
        return new Targets(
                sequence,
                sequence.positions(),
                stride,
                counts,
                ids,
                logProbabilities,
                logTailMass,
                dataLogProbability,
                identity.selection().temperatures(),
                temperatureOffsets,
                Collections.unmodifiableMap(rowsBySource),
                blockBytes);
    }

    private void requireAnswer(BlockHeader header) {
        int[] wanted = sequence.positions();
        int first = wanted[rows];
        int end = rows + header.rows();
        if (end > wanted.length || !Arrays.equals(header.positions(), 0, header.rows(), wanted, rows, end)) {
            throw misaligned(
                    first,
                    "a block of " + header.rows() + " positions from " + header.positions()[0],
                    "the next of the " + wanted.length + " positions asked for, from " + first);
        }
        requireEqual(first, "teacher digest", header.teacherDigest(), identity.teacherDigest());
        requireEqual(first, "fingerprint digest", header.fingerprintDigest(), identity.fingerprintDigest());
        if (header.vocabularySize() != identity.vocabularySize()) {
            throw misaligned(first, "vocabulary size " + header.vocabularySize(), "" + identity.vocabularySize());
        }
        if (!header.selection().equals(identity.selection())) {
            throw misaligned(first, "selection " + header.selection(), "" + identity.selection());
        }
        requireEqual(first, "rows digest", header.rowsDigest(), Digests.rows(sequence.tokens(), wanted, rows, end));
    }

    private void copy(TargetBlock block) {
        for (int row = 0; row < block.rows(); row++) {
            int from = block.offsets()[row];
            int count = block.count(row);
            counts[rows + row] = count;
            System.arraycopy(block.ids(), from, ids, (rows + row) * stride, count);
            System.arraycopy(block.logProbabilities(), from, logProbabilities, (rows + row) * stride, count);
        }
        System.arraycopy(block.logTailMass(), 0, logTailMass, rows, block.rows());
        System.arraycopy(block.dataLogProbability(), 0, dataLogProbability, rows, block.rows());
        int temperatures = identity.selection().temperatures().size();
        System.arraycopy(
                block.temperatureOffsets(), 0, temperatureOffsets, rows * temperatures, block.rows() * temperatures);
        rows += block.rows();
    }

    private void requireEqual(int position, String what, byte[] found, byte[] expected) {
        if (!Arrays.equals(found, expected)) {
            HexFormat hex = HexFormat.of();
            throw misaligned(position, what + " " + hex.formatHex(found), hex.formatHex(expected));
        }
    }

    private MisalignedTargetsException misaligned(int position, String found, String expected) {
        return new MisalignedTargetsException(sequence.id(), position, found, expected);
    }
}
