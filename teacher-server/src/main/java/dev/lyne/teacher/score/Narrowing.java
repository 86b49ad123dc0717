package dev.lyne.teacher.score;

import dev.lyne.row.Precision;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockNarrowing;
import dev.lyne.wire.Digests;
import dev.lyne.wire.TargetBlock;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Makes answers of stored rows that {@linkplain CachedSelection#contains contain} them: fewer entries, temperatures or positions, or a coarser
 * precision. Safe for several threads.
 */
final class Narrowing {
    private final SequenceEncoder encoder;

    Narrowing(SequenceEncoder encoder) {
        this.encoder = encoder;
    }

    /** The answer to a request for rows of a sequence. */
    EncodedSequence answer(StoredRows stored, int[] tokens, CachedSelection wanted) {
        if (stored.holds().answersAsItIs(wanted)) {
            return stored.rows();
        }
        return stored.holds().format().precision() == Precision.COMPACT
                ? cut(stored, tokens, wanted)
                : encodeAgain(stored, tokens, wanted);
    }

    /** Whether the answer has fewer entries or temperatures than are stored, and is to be marked so. */
    static boolean narrows(CachedSelection held, CachedSelection wanted) {
        return !held.format().selection().equals(wanted.format().selection());
    }

    private EncodedSequence encodeAgain(StoredRows stored, int[] tokens, CachedSelection wanted) {
        List<TargetBlock> blocks = stored.rows().blocks().stream()
                .map(block -> BlockDecoder.decode(ByteBuffer.wrap(block.bytes())))
                .toList();
        var columns = BlockNarrowing.columns(
                blocks, wanted.format().selection(), wanted.format().rawLogits(), wanted.positions());
        return encoder.encode(tokens, wanted, columns, blocks.get(0).header().fingerprintDigest());
    }

    /** Compact rows keep their levels, and so their blocks. */
    private static EncodedSequence cut(StoredRows stored, int[] tokens, CachedSelection wanted) {
        int[] positions = wanted.positions();
        List<EncodedBlock> blocks = new ArrayList<>();
        int from = 0;
        for (EncodedBlock block : stored.rows().blocks()) {
            int last = lastPosition(stored, block);
            int to = from;
            while (to < positions.length && positions[to] <= last) {
                to++;
            }
            if (to > from) {
                byte[] bytes = BlockNarrowing.narrow(
                        ByteBuffer.wrap(block.bytes()),
                        wanted.format().selection(),
                        Arrays.copyOfRange(positions, from, to),
                        Digests.rows(tokens, positions, from, to));
                blocks.add(new EncodedBlock(positions[from], to - from, bytes));
            }
            from = to;
        }
        return new EncodedSequence(blocks);
    }

    private static int lastPosition(StoredRows stored, EncodedBlock block) {
        int[] held = stored.holds().positions();
        return held[Arrays.binarySearch(held, block.firstPosition()) + block.rows() - 1];
    }
}
