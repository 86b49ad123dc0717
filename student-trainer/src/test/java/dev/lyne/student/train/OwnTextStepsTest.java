package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.student.train.OwnTextSharing.Adaptation;
import dev.lyne.student.train.OwnTextSharing.Replay;
import dev.lyne.student.train.OwnTextSteps.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class OwnTextStepsTest {
    private static final int BATCH = 4;

    private static OwnTextSharing replaying(double share, int capacity, Replay.ShareSchedule schedule) {
        return new OwnTextSharing(share, Optional.empty(), Optional.of(new Replay(capacity, schedule)));
    }

    private static List<Kind> decided(OwnTextSteps steps, int count) {
        List<Kind> kinds = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            kinds.add(steps.next());
        }
        return kinds;
    }

    private static long count(List<Kind> kinds, Kind kind) {
        return Collections.frequency(kinds, kind);
    }

    @Test
    void evaluated_lossOverThatOfTheLastRise_raisesTheShare() {
        OwnTextSharing sharing = new OwnTextSharing(.75, Optional.of(new Adaptation(.1, .05)), Optional.empty());
        OwnTextSteps steps = new OwnTextSteps(sharing, 3, BATCH, 0, 1000, Map.of());
        // The first is what is compared with; later ones take its place only where the share rises.
        double[] losses = {5, 5.04, 4, 5.06, 5.1, 5.12, 6, 7, 8};
        double[] shares = {.75, .75, .75, .85, .85, .95, 1, 1, 1};
        List<Boolean> rises = new ArrayList<>();
        for (int i = 0; i < losses.length; i++) {
            rises.add(steps.evaluated(losses[i]));
            assertThat(steps.share()).as("after loss " + losses[i]).isEqualTo(shares[i], within(1e-12));
        }
        // From 5.06 on 5.12 is 0.06 above; at 1 nothing rises.
        assertThat(rises).containsExactly(false, false, false, true, false, true, true, false, false);
        assertThat(decided(steps, 100)).containsOnly(Kind.WRITTEN);
    }

    @Test
    void next_shareOfZero_isOnDataUntilTheLossRises() {
        OwnTextSharing sharing = new OwnTextSharing(0, Optional.of(new Adaptation(.5, 0)), Optional.empty());
        OwnTextSteps steps = new OwnTextSteps(sharing, 3, BATCH, 0, 1000, Map.of());
        steps.evaluated(5);
        assertThat(decided(steps, 100)).containsOnly(Kind.DATA);
        steps.evaluated(5);
        List<Kind> after = decided(steps, 400);
        assertThat(count(after, Kind.WRITTEN)).isBetween(160L, 240L);
        assertThat(count(after, Kind.REPLAYED)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Replay.ShareSchedule.class)
    void next_fullBuffer_sharesStepsBetweenNewAndKeptResponses(Replay.ShareSchedule schedule) {
        OwnTextSteps steps = new OwnTextSteps(replaying(.8, 40, schedule), 3, BATCH, 0, 4000, Map.of());
        List<Kind> all = decided(steps, 4000);
        assertThat(count(all, Kind.DATA)).isBetween(700L, 900L);
        int written = 0;
        for (int i = 0; written < 10; i++) {
            assertThat(all.get(i)).as("step " + i).isNotEqualTo(Kind.REPLAYED);
            written += all.get(i) == Kind.WRITTEN ? 1 : 0;
        }
        for (int quarter = 0; quarter < 4; quarter++) {
            List<Kind> part = all.subList(quarter * 1000, quarter * 1000 + 1000);
            double renewed = (double) count(part, Kind.WRITTEN) / (1000 - count(part, Kind.DATA));
            double middle = (quarter + .5) / 4;
            double expected = switch (schedule) {
                case DECREASING -> 1 - middle;
                case CONSTANT -> .5;
                case INCREASING -> middle;
            };
            assertThat(renewed).as("quarter " + quarter).isEqualTo(expected, within(.06));
        }
    }

    @Test
    void saved_ofTheLastStepOrTheOneBefore_goesOnAsIfNeverStopped() {
        OwnTextSharing sharing = new OwnTextSharing(
                .5, Optional.of(new Adaptation(.1, 0)), Optional.of(new Replay(12, Replay.ShareSchedule.DECREASING)));
        OwnTextSteps whole = new OwnTextSteps(sharing, 7, BATCH, 0, 200, Map.of());
        OwnTextSteps parts = new OwnTextSteps(sharing, 7, BATCH, 0, 200, Map.of());
        for (int step = 0; step < 200; step++) {
            if (step % 20 == 0) {
                assertThat(parts.evaluated(step)).isEqualTo(whole.evaluated(step));
            }
            Map<String, Double> before = parts.saved(step);
            assertThat(parts.next()).as("step " + step).isEqualTo(whole.next());
            assertThat(parts.saved(step)).isEqualTo(before);
            if (step % 7 == 3) { // the step broke off, and is decided again
                parts = new OwnTextSteps(sharing, 7, BATCH, step, 200, before);
                parts.next();
            } else if (step % 7 == 5) {
                parts = new OwnTextSteps(sharing, 7, BATCH, step + 1, 200, parts.saved(step + 1));
            }
            assertThat(parts.written()).isEqualTo(whole.written());
            assertThat(parts.corpusWindows(false)).isEqualTo(whole.corpusWindows(false));
        }
        assertThatThrownBy(() -> new OwnTextSteps(sharing, 7, BATCH, 5, 200, Map.of("own_text.share", .5)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("own_text.steps: absent (expected: a number");
    }
}
