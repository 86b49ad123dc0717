package dev.lyne.student.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.student.rollout.RolloutFiles.Rollout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class RolloutHealthTest {
    private static final Coin ALONE = new Coin(3, 0);
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
                RolloutHealth.of(List.of(rollout(false, -1, 7, 7, 7, 7, 7, 7), rollout(true, -3, 1, 2)), ALONE, .25);
        assertThat(found.meanLength()).isEqualTo(4);
        assertThat(found.atLimit()).isEqualTo(.5);
        assertThat(found.entropy()).isEqualTo((6 + 6) / 8.0, within(1e-12));
        assertThat(found.repeated()).isEqualTo((2 / 3.0 + 0) / 2, within(1e-12));
        assertThat(found.values()).containsOnlyKeys("response_tokens", "at_limit", "entropy", "repeated", "outside");
        assertThat(RolloutHealth.of(List.of(rollout(true, -1, 1)), ALONE, Double.NaN)
                        .values())
                .doesNotContainKey("outside");
    }

    /** Draws of 40,000 places, two of five by the teacher, the student at another temperature: both have to be made up for. */
    @Test
    void entropy_teacherMixedInAtATemperature_isTheStudentsOwn() {
        double[] s = {.6, .3, .1};
        double[] drawn = {.5, .3, .2};
        double[] teacher = {.01, .01, .98};
        Coin coin = new Coin(9, .4);
        int count = 40_000;
        int[] tokens = new int[count];
        double[] log = new double[count];
        double[] proposal = new double[count];
        Random random = new Random(4);
        for (int place = 0; place < count; place++) {
            double[] from = coin.isTeachers(0, place) ? teacher : drawn;
            double uniform = random.nextDouble();
            int id = uniform < from[0] ? 0 : uniform < from[0] + from[1] ? 1 : 2;
            tokens[place] = id;
            log[place] = Math.log(s[id]);
            proposal[place] = Math.log(drawn[id]);
        }
        Rollout mixed = new Rollout(
                new Prompt(0, new int[] {1}, new int[0]),
                new Response(tokens, false, log, proposal, new double[0], 0),
                new int[0][]);
        double entropy = -Arrays.stream(s).map(p -> p * Math.log(p)).sum();
        assertThat(RolloutHealth.of(List.of(mixed), coin, Double.NaN).entropy()).isEqualTo(entropy, within(.02));
        assertThat(RolloutHealth.of(List.of(mixed), ALONE, Double.NaN).entropy())
                .as("with the teacher's draws among them")
                .isNotCloseTo(entropy, within(.05));
        RolloutHealth byTeacher = RolloutHealth.of(List.of(mixed), new Coin(9, 1), Double.NaN);
        assertThat(byTeacher.values()).doesNotContainKey("entropy");
        assertThat(byTeacher.alarms(WELL)).noneMatch(line -> line.contains("entropy"));
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
