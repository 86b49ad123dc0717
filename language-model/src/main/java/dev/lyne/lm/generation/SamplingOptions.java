package dev.lyne.lm.generation;

import dev.lyne.row.Proposal;

/**
 * How the tokens of one text are drawn.
 *
 * @param proposal what each is drawn from
 * @param seed decides the draws
 */
public record SamplingOptions(Proposal proposal, long seed) {
    /** Draws at a temperature, from the most probable ids that reach {@code topP}. */
    public SamplingOptions(double temperature, double topP, long seed) {
        this(new Proposal(temperature, topP), seed);
    }
}
