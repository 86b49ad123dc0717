package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.Disowned;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class VouchingTest {
    private final Vouching vouching = new Vouching();

    private CompletableFuture<Void> arrived() {
        return vouching.arrived(vouching.now()).orElseThrow();
    }

    @Test
    void probe_thatPasses_vouchesForWhatCameBeforeItBegan() {
        CompletableFuture<Void> before = arrived();
        List<CompletableFuture<Void>> covered = vouching.beginProbe();
        CompletableFuture<Void> during = arrived();
        vouching.passed(covered);
        assertThat(before).isCompleted();
        assertThat(during).isNotDone();
        vouching.passed(vouching.beginProbe());
        assertThat(during).isCompleted();
    }

    @Test
    void owes_whatCameSinceAProbeLastBegan() {
        assertThat(vouching.owes()).isFalse();
        CompletableFuture<Void> unused = arrived();
        assertThat(vouching.owes()).isTrue();
        List<CompletableFuture<Void>> covered = vouching.beginProbe();
        assertThat(vouching.owes()).isFalse();
        unused = arrived();
        vouching.passed(covered);
        assertThat(vouching.owes()).isTrue();
    }

    @Test
    void otherWeights_disownWhatIsNotVouchedFor_andWhatWasAskedBefore() {
        Vouching.Moment asked = vouching.now();
        CompletableFuture<Void> row = arrived();
        List<CompletableFuture<Void>> covered = vouching.beginProbe();
        vouching.disown("other weights");
        vouching.passed(covered);
        assertThat(row).isCompletedExceptionally();
        assertThat(row.isCancelled()).isFalse();
        assertThat(vouching.arrived(asked)).isEmpty();
        assertThat(arrived()).isNotDone();
    }

    /** Whoever counts what it was given since the last passed probe counts it by one address, over all of its stages. */
    @Test
    void otherWeights_nameAllThatTheyDisown() {
        CompletableFuture<Void> before = arrived();
        List<CompletableFuture<Void>> unused = vouching.beginProbe();
        CompletableFuture<Void> during = arrived();
        CompletableFuture<Void> elsewhere = new Vouching().beginProbe().get(0);
        vouching.disown("other weights");
        assertThat(Disowned.with(
                        before, before.handle((nothing, failed) -> failed).join()))
                .contains(before, during)
                .doesNotContain(elsewhere);
    }

    @Test
    void processThatEnded_leavesItsRowsUntold() {
        Vouching.Moment asked = vouching.now();
        CompletableFuture<Void> row = arrived();
        vouching.processEnded();
        assertThat(row).isCancelled();
        assertThat(vouching.arrived(asked).orElseThrow()).isCancelled();
        assertThat(arrived()).isNotDone();
    }
}
