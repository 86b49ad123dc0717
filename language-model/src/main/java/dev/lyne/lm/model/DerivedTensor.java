package dev.lyne.lm.model;

/** A kind of tensor that a checkpoint may hold although it follows from others, or from the configuration. */
public enum DerivedTensor {
    /** The output matrix of a model that uses its embedding for that. */
    TIED_OUTPUT,
    /** Radians a position of the turning dimensions. */
    ROTARY_FREQUENCIES,
    /** 1 where a position may see another, none of them later. */
    CAUSAL_MASK,
    /** Value that older attention put in place of a masked logit. */
    MASKED_VALUE
}
