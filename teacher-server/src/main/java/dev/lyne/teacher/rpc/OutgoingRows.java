package dev.lyne.teacher.rpc;

import com.google.protobuf.UnsafeByteOperations;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.SequenceDone;
import java.util.Iterator;
import java.util.function.Consumer;

/** A sequence's rows, then `done`. What waits is a reference to the encoded blocks, which the cache may hold too. */
final class OutgoingRows implements Outgoing<ScoreSequencesResponse> {
    private final long id;
    private final Iterator<EncodedBlock> blocks;
    private final RowSource source;
    private final boolean narrowed;
    private final ScoreSequencesResponse last;
    private final Consumer<EncodedBlock> whenBlockSent;
    private final Runnable whenLeaving;
    private long unsentBytes;
    private boolean lastSent;

    OutgoingRows(
            long id,
            EncodedSequence rows,
            RowSource source,
            boolean narrowed,
            Consumer<EncodedBlock> whenBlockSent,
            Runnable whenLeaving) {
        this.id = id;
        this.blocks = rows.blocks().iterator();
        this.source = source;
        this.narrowed = narrowed;
        this.last = ScoreSequencesResponse.newBuilder()
                .setDone(SequenceDone.newBuilder().setId(id).setRows(rows.rows()))
                .build();
        this.whenBlockSent = whenBlockSent;
        this.whenLeaving = whenLeaving;
        this.unsentBytes = rows.bytes();
    }

    @Override
    public long unsentBytes() {
        return unsentBytes;
    }

    @Override
    public boolean hasNext() {
        return !lastSent;
    }

    @Override
    public ScoreSequencesResponse next() {
        if (!blocks.hasNext()) {
            lastSent = true;
            return last;
        }
        EncodedBlock block = blocks.next();
        unsentBytes -= block.bytes().length;
        whenBlockSent.accept(block);
        return ScoreSequencesResponse.newBuilder()
                .setRows(Rows.newBuilder()
                        .setId(id)
                        .setFirstPosition(block.firstPosition())
                        .setBlock(UnsafeByteOperations.unsafeWrap(block.bytes()))
                        .setSource(source.source())
                        .setTier(source.tier())
                        .setNarrowed(narrowed))
                .build();
    }

    @Override
    public void leaving() {
        whenLeaving.run();
    }
}
