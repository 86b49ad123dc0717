package dev.lyne.student.tokens;

/**
 * Digest of all that decides which tokens a trainer sees, cut how and in what order. Two runs with equal packing see
 * equal windows.
 *
 * @param tokenizerSha256 digest of the tokenizer, hexadecimal
 * @param corpusSha256 digest of the corpus, hexadecimal
 * @param documentRule tokens put before and after each document
 * @param windowRule how documents are cut into windows
 * @param context most tokens in a window
 * @param overlap tokens that neighbouring windows of a document share
 * @param orderSeed seed of the epochs' orders
 */
public record PackingDigest(
        String tokenizerSha256,
        String corpusSha256,
        String documentRule,
        String windowRule,
        int context,
        int overlap,
        long orderSeed) {
    /** SHA-256 over the canonical form, hexadecimal. */
    public String sha256() {
        return CorpusDigests.hex(CorpusDigests.sha256("lyne packing 2\ntokenizer " + tokenizerSha256 + "\ncorpus "
                + corpusSha256
                + "\nrule " + documentRule + "\nwindows " + windowRule + "\ncontext " + context + "\noverlap " + overlap
                + "\norder " + orderSeed
                + "\n"));
    }
}
