package dev.lyne.student.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.student.policy.Advantages.Whitening;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class AdvantagesTest {
    private static final double[] REWARDS = {.5, -.2, .1, -1, .3};

    private static Advantages reference(double scale, double clip, Whitening whitening) {
        return new Advantages(true, true, .95, true, whitening, scale, clip);
    }

    private static Advantages paper(boolean normalised) {
        return new Advantages(false, true, 1, normalised, Whitening.NONE, 1, Double.POSITIVE_INFINITY);
    }

    @Test
    void of_officialCodesVector_isReproduced() {
        double[] found = reference(1, 100, Whitening.NONE).of(List.of(REWARDS)).get(0);
        assertThat(found).containsExactly(new double[] {-.04255462, -.18757188, -.19308333, -.3575, .3}, within(1e-8));
    }

    @Test
    void of_paper_isTheMeanOfLaterRewardsAndNothingAtTheLast() {
        double[] found = paper(true).of(List.of(REWARDS)).get(0);
        assertThat(found)
                .containsExactly(
                        new double[] {(-.2 + .1 - 1 + .3) / 4, (.1 - 1 + .3) / 3, (-1 + .3) / 2, .3, 0}, within(1e-12));
    }

    @Test
    void of_paperWithoutNormalisation_isTheirSum() {
        double[] found = paper(false).of(List.of(REWARDS)).get(0);
        assertThat(found).containsExactly(new double[] {-.8, -.6, -.7, .3, 0}, within(1e-12));
    }

    @Test
    void of_ownRewardAlone_isTheReward() {
        Advantages own = new Advantages(true, false, 1, true, Whitening.NONE, 1, Double.POSITIVE_INFINITY);
        assertThat(own.of(List.of(REWARDS)).get(0)).containsExactly(REWARDS, within(1e-12));
    }

    @Test
    void of_scaleAndClip_applyToEachReward() {
        Advantages own = new Advantages(true, false, 1, true, Whitening.NONE, .5, 1);
        assertThat(own.of(List.of(new double[] {.2, -3, 9})).get(0))
                .containsExactly(new double[] {.4, -1, 1}, within(1e-12));
    }

    @Test
    void of_whitenedTokens_haveMeanZeroAndVarianceOne() {
        List<double[]> found = reference(1, 100, Whitening.TOKENS).of(List.of(REWARDS, new double[] {2, -.5}));
        double[] all = found.stream().flatMapToDouble(Arrays::stream).toArray();
        double mean = Arrays.stream(all).average().orElseThrow();
        double variance =
                Arrays.stream(all).map(x -> (x - mean) * (x - mean)).average().orElseThrow();
        assertThat(mean).isEqualTo(0, within(1e-12));
        assertThat(variance).isEqualTo(1, within(1e-6));
    }

    @Test
    void of_whitenedWithPadding_countsThePaddingAsReturnsOfZero() {
        List<double[]> plain = reference(1, 100, Whitening.NONE).of(List.of(REWARDS, new double[] {2, -.5}));
        double[] padded = new double[10];
        System.arraycopy(plain.get(0), 0, padded, 0, 5);
        System.arraycopy(plain.get(1), 0, padded, 5, 2);
        double mean = Arrays.stream(padded).sum() / 10;
        double variance =
                Arrays.stream(padded).map(x -> (x - mean) * (x - mean)).sum() / 9;
        List<double[]> found = reference(1, 100, Whitening.PADDED).of(List.of(REWARDS, new double[] {2, -.5}));
        for (int i = 0; i < 2; i++) {
            double[] expected = Arrays.stream(plain.get(i))
                    .map(x -> (x - mean) / Math.sqrt(variance + 1e-8))
                    .toArray();
            assertThat(found.get(i)).containsExactly(expected, within(1e-12));
        }
    }

    @Test
    void of_tokenThatTheTeacherRulesOut_isRefused() {
        assertThatThrownBy(() -> paper(true).of(List.of(new double[] {Double.NEGATIVE_INFINITY})))
                .hasMessage("log t - log s of a drawn token: -Infinity (expected: finite)");
    }

    @Test
    void proposal_bothSides_isTheMixture() {
        assertThat(new MixedProposal(.2).logProbability(Math.log(.5), Math.log(.1)))
                .isEqualTo(Math.log(.2 * .5 + .8 * .1), within(1e-14));
        assertThat(new MixedProposal(.2).logProbability(Double.NEGATIVE_INFINITY, Math.log(.1)))
                .isEqualTo(Math.log(.8 * .1), within(1e-14));
        assertThat(new MixedProposal(0).logProbability(Math.log(.5), Math.log(.1)))
                .isEqualTo(Math.log(.1), within(1e-14));
        assertThat(new MixedProposal(1).logProbability(Math.log(.5), Double.NEGATIVE_INFINITY))
                .isEqualTo(Math.log(.5), within(1e-14));
    }

    @Test
    void proposal_tokenThatNobodyCouldDraw_isRefused() {
        assertThatThrownBy(() -> new MixedProposal(0).logProbability(Math.log(.5), Double.NEGATIVE_INFINITY))
                .hasMessageContaining("teacher_mixing=0.0 (expected: one that could have been drawn)");
    }
}
