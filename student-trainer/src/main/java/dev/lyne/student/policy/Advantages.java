package dev.lyne.student.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How much better than expected the rest of a response was, token by token: the advantage A of a policy's loss, made from rewards
 * r = log t − log s_old of the drawn tokens at temperature 1 (MiniLLM, arXiv 2306.08543).
 *
 * @param includesOwn whether a token's own reward counts to its return. MiniLLM's paper leaves it to the single-step term, the exact reverse KL of
 *     the token's row; its official code counts it beside that term
 * @param wholeReturn whether the rewards of later tokens count; where not, a token's advantage is its own reward alone
 * @param discount γ of later rewards, above 0, at most 1
 * @param lengthNormalisation whether a return is divided by the number of its rewards
 * @param whitening of the returns of all responses together, or none
 * @param rewardScale what rewards are divided by, above 0
 * @param rewardClip greatest absolute reward after scaling, above 0; infinite: none
 */
public record Advantages(
        boolean includesOwn,
        boolean wholeReturn,
        double discount,
        boolean lengthNormalisation,
        Whitening whitening,
        double rewardScale,
        double rewardClip) {
    private static final double EPSILON = 1e-8;

    /** Whitening: how returns are brought to mean 0 and variance 1. */
    public enum Whitening {
        /** Not at all. */
        NONE,
        /** Over the tokens of all responses, with the population's variance. */
        TOKENS,
        /** Over a table of responses that are padded with returns of 0, with the sample's variance: MiniLLM's official code. */
        PADDED
    }

    public Advantages {
        require("discount", discount, discount > 0 && discount <= 1, "above 0, at most 1");
        require(
                "reward_scale",
                rewardScale,
                rewardScale > 0 && rewardScale < Double.POSITIVE_INFINITY,
                "finite, above 0");
        require("reward_clip", rewardClip, rewardClip > 0, "above 0");
        if (!includesOwn && !wholeReturn) {
            throw new IllegalArgumentException(
                    "advantages of neither a token's own reward nor later ones (expected: one of them)");
        }
    }

    private static void require(String name, double value, boolean holds, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
        }
    }

    /**
     * The advantage of each token of each response.
     *
     * @param logRatios log t − log s_old of the drawn tokens, a response each; finite
     */
    public List<double[]> of(List<double[]> logRatios) {
        return whitened(logRatios.stream().map(this::returns).toList());
    }

    private double[] returns(double[] logRatios) {
        int count = logRatios.length;
        double[] returns = new double[count];
        double later = 0;
        for (int t = count - 1; t >= 0; t--) {
            double reward = reward(logRatios[t]);
            double sum = includesOwn ? reward + (wholeReturn ? discount * later : 0) : later;
            int rewards = !wholeReturn ? 1 : count - t - (includesOwn ? 0 : 1);
            returns[t] = lengthNormalisation && rewards > 1 ? sum / rewards : sum;
            later = reward + discount * later;
        }
        return returns;
    }

    private double reward(double logRatio) {
        if (!Double.isFinite(logRatio)) {
            throw new IllegalArgumentException("log t - log s of a drawn token: " + logRatio + " (expected: finite)");
        }
        return Math.max(-rewardClip, Math.min(rewardClip, logRatio / rewardScale));
    }

    private List<double[]> whitened(List<double[]> returns) {
        if (whitening == Whitening.NONE) {
            return returns;
        }
        long tokens = returns.stream().mapToLong(own -> own.length).sum();
        long longest = returns.stream().mapToInt(own -> own.length).max().orElse(0);
        long count = whitening == Whitening.PADDED ? longest * returns.size() : tokens;
        double mean = returns.stream().flatMapToDouble(Arrays::stream).sum() / count;
        double squares = returns.stream()
                .flatMapToDouble(Arrays::stream)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        double variance = whitening == Whitening.PADDED
                ? (squares + (count - tokens) * mean * mean) / Math.max(1, count - 1)
                : squares / count;
        double scale = 1 / Math.sqrt(variance + EPSILON);
        List<double[]> whitened = new ArrayList<>();
        for (double[] own : returns) {
            whitened.add(Arrays.stream(own).map(value -> (value - mean) * scale).toArray());
        }
        return whitened;
    }
}
