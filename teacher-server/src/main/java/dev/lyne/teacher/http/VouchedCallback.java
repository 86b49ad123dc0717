package dev.lyne.teacher.http;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.score.Callback;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.trace.SequenceTrace;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** Callback that hands rows on once their teacher vouches for them, and a failure where it does not. Called on one thread at a time. */
final class VouchedCallback implements Callback {
    private final Callback callback;
    private Optional<CompletionStage<Void>> vouching = Optional.empty();

    VouchedCallback(Callback callback) {
        this.callback = callback;
    }

    @Override
    public boolean waitsForVouching() {
        return true;
    }

    @Override
    public void unvouched(int rows, CompletionStage<Void> vouched) {
        vouching = Optional.of(vouched);
    }

    @Override
    public void scored(EncodedSequence rows, RowSource source, boolean narrowed) {
        if (vouching.isEmpty()) {
            callback.scored(rows, source, narrowed);
            return;
        }
        // On no thread of the engine's, which texts would hold.
        var unused = vouching.get().whenCompleteAsync((nothing, untold) -> {
            if (untold == null) {
                callback.scored(rows, source, narrowed);
            } else {
                callback.failed(Callback.notVouchedFor(untold));
            }
        });
    }

    @Override
    public SequenceTrace trace() {
        return callback.trace();
    }

    @Override
    public void failed(Failure failure) {
        callback.failed(failure);
    }
}
