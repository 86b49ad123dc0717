package dev.lyne.client;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;

/**
 * Identity that every block of a stream has in common.
 *
 * @param selection as the stream was opened with
 * @param precision as the stream was opened with
 * @param rawLogits as the stream was opened with
 * @param vocabularySize the teacher's
 * @param teacherDigest SHA-256 of the model, 32 bytes
 * @param fingerprintDigest of the server's execution fingerprint, 16 bytes; empty where bits are not promised, and rows may come from
 *     another machine through a cache that servers share
 * @param tailError absolute error of a row's tail mass, as the teacher states it
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; contents are compared one by one
record BlockIdentity(
        Selection selection,
        Precision precision,
        boolean rawLogits,
        int vocabularySize,
        byte[] teacherDigest,
        byte[] fingerprintDigest,
        double tailError) {
    /** Constructs the identity of blocks of a teacher whose tails are sums of their own. */
    BlockIdentity(
            Selection selection,
            Precision precision,
            boolean rawLogits,
            int vocabularySize,
            byte[] teacherDigest,
            byte[] fingerprintDigest) {
        this(selection, precision, rawLogits, vocabularySize, teacherDigest, fingerprintDigest, 0);
    }
}
