package dev.lyne.lm.tokenizer;

import java.util.OptionalInt;

/** The tokens that stand around each document. */
public record DocumentWrapping(Side bos, Side eos) {
    /**
     * One side.
     *
     * @param id the token; absent for none
     * @param token the same as the vocabulary writes it; empty for none
     * @param from what said so, for people
     */
    public record Side(OptionalInt id, String token, String from) {
        private String describe() {
            return (id.isPresent() ? id.getAsInt() + " " + token : "none") + " (" + from + ")";
        }
    }

    /** The token before each document. */
    public OptionalInt bosId() {
        return bos.id();
    }

    /** The token after each document. */
    public OptionalInt eosId() {
        return eos.id();
    }

    /** Returns the sources of both tokens: the files and keys that name them. */
    public String from() {
        return "BOS: " + bos.from() + "; EOS: " + eos.from();
    }

    /** One line for people. */
    public String describe() {
        return "around each document: BOS " + bos.describe() + ", EOS " + eos.describe();
    }
}
