package dev.lyne.teacher.cache;

import dev.lyne.teacher.model.Fingerprints;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.Digests;

/**
 * What a tier is asked for, with all that tells whether what it holds answers it.
 *
 * @param key where to look
 * @param teacher whose rows are wanted
 * @param tokens the sequence
 * @param wanted selection and positions
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
public record RowsQuery(CacheKey key, TeacherDescription teacher, int[] tokens, Holdings wanted) {
    static RowsQuery of(TeacherDescription teacher, ScoreTask task) {
        int[] tokens = task.item().tokens();
        return new RowsQuery(CacheKey.of(teacher, tokens), teacher, tokens, task.wanted());
    }

    /** Digest of the server's execution fingerprint, as block headers state it. */
    public byte[] fingerprintDigest() {
        return Digests.fingerprint(Fingerprints.toMessage(teacher.fingerprint()));
    }
}
