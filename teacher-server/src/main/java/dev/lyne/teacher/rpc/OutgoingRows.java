package dev.lyne.teacher.rpc;

import com.google.protobuf.UnsafeByteOperations;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.SequenceDone;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Messages that wait for their reader, made when they are sent: what waits is a reference to the encoded blocks, which the
 * cache may hold too. Owned by whoever pumps the sender.
 */
final class Outgoing {
    private final long id;
    private final Iterator<EncodedBlock> blocks;
    private final RowSource source;
    private final boolean narrowed;
    private final ScoreSequencesResponse last;
    private final Consumer<EncodedBlock> whenBlockSent;
    private final Runnable whenLeaving;
    private long unsentBytes;
    private boolean lastSent;

    private Outgoing(
            long id,
            EncodedSequence rows,
            RowSource source,
            boolean narrowed,
            ScoreSequencesResponse last,
            Consumer<EncodedBlock> whenBlockSent,
            Runnable whenLeaving) {
        this.id = id;
        this.blocks = rows.blocks().iterator();
        this.source = source;
        this.narrowed = narrowed;
        this.last = last;
        this.whenBlockSent = whenBlockSent;
        this.whenLeaving = whenLeaving;
        this.unsentBytes = rows.bytes();
    }

    /** A sequence's rows, then `done`. */
    static Outgoing rows(
            long id,
            EncodedSequence rows,
            RowSource source,
            boolean narrowed,
            Consumer<EncodedBlock> whenBlockSent,
            Runnable whenLeaving) {
        ScoreSequencesResponse done = ScoreSequencesResponse.newBuilder()
                .setDone(SequenceDone.newBuilder().setId(id).setRows(rows.rows()))
                .build();
        return new Outgoing(id, rows, source, narrowed, done, whenBlockSent, whenLeaving);
    }

    /** One message. */
    static Outgoing message(ScoreSequencesResponse message, Runnable whenLeaving) {
        return new Outgoing(
                0, new EncodedSequence(List.of()), RowSource.COMPUTED, false, message, unused -> {}, whenLeaving);
    }

    /** Bytes of blocks not sent yet. */
    long unsentBytes() {
        return unsentBytes;
    }

    boolean hasNext() {
        return !lastSent;
    }

    /** The next message. */
    ScoreSequencesResponse next() {
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

    /** To be called when the last message has been taken and has not left yet. */
    void leaving() {
        whenLeaving.run();
    }
}
