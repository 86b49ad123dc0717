package dev.lyne.student.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.student.rollout.RolloutFiles.Rollout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RolloutHealthTest {
    private static final RolloutHealth WELL = new RolloutHealth(20, .2, 2, .05, .1);

    private static Rollout rollout(boolean ended, double logProbability, int... tokens) {
        double[] log = new double[tokens.length];
        Arrays.fill(log, logProbability);
        return new Rollout(
                new Prompt(0, new int[] {1}, new int[0]),
                new Response(tokens, ended, log, log, new double[0], 0),
                new int[0][]);
    }

    @Test
    void of_twoResponses_areTheirMeans() {
        RolloutHealth found =
                RolloutHealth.of(List.of(rollout(false, -1, 7, 7, 7, 7, 7, 7), rollout(true, -3, 1, 2)), .25);
        assertThat(found.meanLength()).isEqualTo(4);
        assertThat(found.atLimit()).isEqualTo(.5);
        assertThat(found.entropy()).isEqualTo((6 + 6) / 8.0, within(1e-12));
        assertThat(found.repeated()).isEqualTo((2 / 3.0 + 0) / 2, within(1e-12));
        assertThat(found.values()).containsOnlyKeys("response_tokens", "at_limit", "entropy", "repeated", "outside");
        assertThat(RolloutHealth.of(List.of(rollout(true, -1, 1)), Double.NaN).values())
                .doesNotContainKey("outside");
    }

    @Test
    void alarms_wellAsAtFirst_areNone() {
        assertThat(WELL.alarms(WELL)).isEmpty();
        // What was so from the beginning is no news, but for ids that rows do not name.
        RolloutHealth long_ = new RolloutHealth(128, 1, 2, .5, Double.NaN);
        assertThat(long_.alarms(long_)).isEmpty();
    }

    @Test
    void alarms_everyKind_nameTheValueTheFirstAndTheBound() {
        RolloutHealth ill = new RolloutHealth(128, .95, .9, .4, .6);
        assertThat(ill.alarms(WELL))
                .containsExactly(
                        "responses run to their greatest length: share 0.950, at first 0.200 (expected: at most 0.9)",
                        "the student's entropy falls: nats 0.900, at first 2.000 (expected: at least half of that)",
                        "responses repeat themselves: share of 4-grams 0.400, at first 0.050 (expected: at most 0.3)",
                        "the student draws what the teacher's rows do not name: share 0.600, at first 0.100 (expected: at most"
                                + " 0.5)");
    }
}
