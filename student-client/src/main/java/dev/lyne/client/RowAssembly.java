package dev.lyne.client;

import com.google.protobuf.ByteString;
import dev.lyne.row.RowSource;
import dev.lyne.v1.Rows;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.MalformedBlockException;
import dev.lyne.wire.TargetBlock;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Puts the blocks of one attempt together, each checked against what was asked before it is decoded and row by row after: the block by the
 * teacher's tokens and positions, the rows by the student's labels. Owned
 * by the callbacks of one call, which come one at a time.
 */
final class RowAssembly {
    private final TargetSequence sequence;
    /** Positions in the teacher's tokens, which blocks speak of. */
    private final int[] wanted;

    private final BlockIdentity identity;
    private final RowCheck check;
    private final ReceivedRows received = new ReceivedRows();

    RowAssembly(TargetSequence sequence, BlockIdentity identity, RowCheck check) {
        this.sequence = sequence;
        this.wanted = sequence.teacherPositions();
        this.identity = identity;
        this.check = check;
    }

    /** Bytes of the blocks added. */
    long blockBytes() {
        return received.blockBytes();
    }

    /** Adds the next block; throws where it is not the answer to the next positions asked for. */
    void add(Rows message, RowSource source) {
        int rows = received.rows();
        if (rows == wanted.length) {
            throw misaligned(
                    message.getFirstPosition(), "one block more", "the sequence to be done after " + rows + " rows");
        }
        int next = wanted[rows];
        if (message.getFirstPosition() != next) {
            throw misaligned(message.getFirstPosition(), "a block that starts there", "the block of position " + next);
        }
        ByteString bytes = message.getBlock();
        try {
            requireAnswer(BlockDecoder.header(bytes.asReadOnlyByteBuffer()));
            TargetBlock block = BlockDecoder.decode(bytes.asReadOnlyByteBuffer());
            for (int row = 0; row < block.rows(); row++) {
                check.requireConsistent(sequence, rows + row, block, row);
            }
            received.add(block, bytes, source, message.getNarrowed());
        } catch (MalformedBlockException e) {
            throw misaligned(next, String.valueOf(e.getMessage()), "a whole block");
        }
    }

    /** The targets, once the server says that it has sent all of them. */
    Targets finish(int statedRows) {
        int rows = received.rows();
        if (rows != wanted.length || statedRows != wanted.length) {
            throw misaligned(
                    wanted[Math.min(rows, wanted.length - 1)],
                    "done after " + rows + " rows, " + Integer.toUnsignedString(statedRows) + " stated",
                    wanted.length + " rows");
        }
        return received.toTargets(sequence, identity.selection().temperatures());
    }

    private void requireAnswer(BlockHeader header) {
        int rows = received.rows();
        int first = wanted[rows];
        int end = rows + header.rows();
        if (end > wanted.length || !Arrays.equals(header.positions(), 0, header.rows(), wanted, rows, end)) {
            throw misaligned(
                    first,
                    "a block of " + header.rows() + " positions from " + header.positions()[0],
                    "the next of the " + wanted.length + " positions asked for, from " + first);
        }
        requireEqual(first, "teacher digest", header.teacherDigest(), identity.teacherDigest());
        if (identity.fingerprintDigest().length > 0) {
            requireEqual(first, "fingerprint digest", header.fingerprintDigest(), identity.fingerprintDigest());
        }
        requireEqual(first, "vocabulary size", header.vocabularySize(), identity.vocabularySize());
        requireEqual(first, "selection", header.selection(), identity.selection());
        requireEqual(first, "precision", lower(header.precision()), lower(identity.precision()));
        requireEqual(first, "raw logits", header.rawLogits(), identity.rawLogits());
        requireEqual(
                first, "rows digest", header.rowsDigest(), Digests.rows(sequence.teacherTokens(), wanted, rows, end));
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private void requireEqual(int position, String what, Object found, Object expected) {
        if (!found.equals(expected)) {
            throw misaligned(position, what + " " + found, "" + expected);
        }
    }

    private void requireEqual(int position, String what, byte[] found, byte[] expected) {
        HexFormat hex = HexFormat.of();
        requireEqual(position, what, hex.formatHex(found), hex.formatHex(expected));
    }

    private MisalignedTargetsException misaligned(int position, String found, String expected) {
        return new MisalignedTargetsException(sequence.id(), position, found, expected);
    }
}
