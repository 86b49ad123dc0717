package dev.lyne.teacher.cache.entry;

import dev.lyne.teacher.cache.EncodedBlock;
import dev.lyne.teacher.cache.EncodedSequence;
import dev.lyne.teacher.cache.Holdings;
import dev.lyne.teacher.cache.RowsQuery;
import dev.lyne.teacher.cache.StoredRows;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.MalformedBlockException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Checks stored blocks as a student would: each decodes, comes from this teacher on this machine, and answers these very
 * tokens. An entry that someone else wrote, whole and with a good checksum, does not pass as another sequence's rows.
 */
final class BlockCheck {
    private BlockCheck() {}

    static Reading check(List<byte[]> blocks, RowsQuery query) {
        byte[] fingerprint = query.fingerprintDigest();
        List<BlockHeader> headers = new ArrayList<>();
        List<EncodedBlock> encoded = new ArrayList<>();
        for (byte[] block : blocks) {
            BlockHeader header;
            try {
                header = BlockDecoder.decode(ByteBuffer.wrap(block)).header();
            } catch (MalformedBlockException e) {
                return new Reading.Damaged(String.valueOf(e.getMessage()));
            }
            if (!Arrays.equals(header.teacherDigest(), query.teacher().modelDigest())
                    || !Arrays.equals(header.fingerprintDigest(), fingerprint)
                    || header.vocabularySize() != query.teacher().vocabularySize()) {
                return new Reading.Damaged("its rows are of another teacher or machine");
            }
            if (!Arrays.equals(
                    header.rowsDigest(), Digests.rows(query.tokens(), header.positions(), 0, header.rows()))) {
                return new Reading.Damaged("its rows answer another sequence");
            }
            headers.add(header);
            encoded.add(new EncodedBlock(header.positions()[0], header.rows(), block));
        }
        int[] positions = headers.stream()
                .flatMapToInt(header -> Arrays.stream(header.positions()))
                .toArray();
        if (!ascending(positions) || positions[positions.length - 1] >= query.tokens().length) {
            return new Reading.Damaged("its positions are not those of one sequence in order");
        }
        var selection = headers.get(0).selection();
        if (headers.stream().anyMatch(header -> !header.selection().equals(selection))) {
            return new Reading.Damaged("its blocks are of several selections");
        }
        return new Reading.Sound(new StoredRows(new Holdings(selection, positions), new EncodedSequence(encoded)));
    }

    private static boolean ascending(int[] positions) {
        return IntStream.range(1, positions.length).allMatch(i -> positions[i - 1] < positions[i]);
    }
}
