package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** How fast a replica is taken to be, on a clock of the test's own. */
final class RateTest {
    private static final double SECOND = 1e9;
    private static final int TOKENS = 100;

    private final Rate rate = new Rate();
    private double nowSeconds;

    private long now() {
        return (long) (nowSeconds * SECOND);
    }

    private double tokensPerSecond() {
        return rate.now(now(), TOKENS) * SECOND;
    }

    private void answersOneAfter(double seconds) {
        rate.started(now());
        nowSeconds += seconds;
        rate.answered(TOKENS, true, now());
    }

    private void isIdleFor(double seconds) {
        nowSeconds += seconds;
    }

    @Test
    void now_oneAnswer_isItsTokensOverItsTime() {
        assertThat(rate.isKnown()).isFalse();
        answersOneAfter(0.5);
        assertThat(rate.isKnown()).isTrue();
        assertThat(tokensPerSecond()).isCloseTo(200, Offset.offset(1e-6));
        isIdleFor(1000);
        assertThat(tokensPerSecond()).as("idleness says nothing").isCloseTo(200, Offset.offset(1e-6));
    }

    @Test
    void now_silentWithASequence_getsSlowerByTheMoment() {
        answersOneAfter(0.5);
        rate.started(now());
        nowSeconds += 1.5;
        assertThat(tokensPerSecond()).isCloseTo(50, Offset.offset(1e-6));
    }

    /** A replica that was cold: ten seconds for its first answer, a hundredth of that from then on. */
    @Test
    void answered_coldReplicaIsTested_whatWasKnownIsReplaced() {
        answersOneAfter(10);
        assertThat(rate.isDoubtful(now())).isFalse();
        isIdleFor(2);
        assertThat(rate.isDoubtful(now())).isTrue();
        rate.test();
        answersOneAfter(0.1);
        assertThat(tokensPerSecond()).isCloseTo(1000, Offset.offset(1e-6));
    }

    @Test
    void isDoubtful_replicaIsAsSlowAtEachTest_testsComeEverMoreSeldom() {
        answersOneAfter(1);
        int tests = 0;
        double end = nowSeconds + 120;
        while (nowSeconds < end) {
            isIdleFor(0.25);
            if (rate.isDoubtful(now())) {
                tests++;
                rate.test();
                answersOneAfter(1);
            }
        }
        assertThat(tests).isBetween(4, 6);
        assertThat(tokensPerSecond()).isCloseTo(100, Offset.offset(1e-6));
    }

    @Test
    void isDoubtful_testIsBrokenOff_countsAsSlow() {
        answersOneAfter(1);
        isIdleFor(2);
        rate.test();
        rate.started(now());
        assertThat(rate.isKnown()).as("nothing counts while it is tested").isFalse();
        nowSeconds += 1;
        assertThat(tokensPerSecond()).as("just about to answer").isCloseTo(100, Offset.offset(1e-6));
        rate.stopped(now(), TOKENS);
        assertThat(rate.isKnown()).isTrue();
        assertThat(tokensPerSecond()).isLessThan(60);
        isIdleFor(2);
        assertThat(rate.isDoubtful(now())).isFalse();
        isIdleFor(2);
        assertThat(rate.isDoubtful(now())).isTrue();
    }

    @Test
    void forget_anotherProcessMayAnswer_nothingIsKnownOrBelieved() {
        answersOneAfter(1);
        isIdleFor(2);
        rate.test();
        rate.started(now());
        rate.forget();
        assertThat(rate.isKnown()).isFalse();
        answersOneAfter(1);
        isIdleFor(2);
        assertThat(rate.isDoubtful(now())).isTrue();
    }
}
