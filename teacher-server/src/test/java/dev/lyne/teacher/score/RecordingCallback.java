package dev.lyne.teacher.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;
import java.util.ArrayList;
import java.util.List;

/** Collects what it is told. */
public final class RecordingCallback implements Callback {
    private final List<Object> told = new ArrayList<>();
    volatile boolean narrowed;
    volatile EncodedSequence rows = new EncodedSequence(List.of());

    @Override
    public void scored(EncodedSequence encoded, RowSource source, boolean cut) {
        rows = encoded;
        narrowed = cut;
        tell(source);
    }

    @Override
    public void failed(Failure failure) {
        tell(failure.reason());
    }

    private synchronized void tell(Object what) {
        told.add(what);
    }

    public synchronized List<Object> told() {
        return List.copyOf(told);
    }

    public void awaitOnly(Object expected) {
        await().until(() -> !told().isEmpty());
        assertThat(told()).containsExactly(expected);
    }
}
