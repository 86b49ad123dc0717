package dev.lyne.wire.capture;

import java.util.SortedMap;

/**
 * How the captured corpus was cut into sequences.
 *
 * @param corpusSha256 of the corpus, 64 lower-case hexadecimal digits
 * @param documentRule tokens put before and after each document
 * @param windowRule how documents were cut into windows
 * @param context most tokens in a window
 * @param overlap tokens that neighbouring windows of a document share
 * @param sha256 packing digest over all that and the tokenizer, for windows in corpus order (order seed 0)
 */
public record CapturedPacking(
        String corpusSha256, String documentRule, String windowRule, int context, int overlap, String sha256) {
    public CapturedPacking {
        CapturedTeacher.requireDigest("packing.corpus_sha256", corpusSha256);
        CapturedTeacher.requireDigest("packing.sha256", sha256);
    }

    void putIdentity(SortedMap<String, String> identity) {
        identity.put("packing.corpus_sha256", corpusSha256);
        identity.put("packing.document_rule", documentRule);
        identity.put("packing.window_rule", windowRule);
        identity.put("packing.context", Integer.toString(context));
        identity.put("packing.overlap", Integer.toString(overlap));
        identity.put("packing.sha256", sha256);
    }
}
