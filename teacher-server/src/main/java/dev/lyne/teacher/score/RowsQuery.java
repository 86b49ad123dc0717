package dev.lyne.teacher.score;

import dev.lyne.teacher.model.Fingerprints;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Selection;

/**
 * What a tier is asked for, with all that tells whether what it holds answers it.
 *
 * @param key where to look
 * @param teacher whose rows are wanted
 * @param tokens the sequence
 * @param wanted format and positions
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
public record RowsQuery(CacheKey key, TeacherDescription teacher, int[] tokens, Holdings wanted) {
    public static RowsQuery of(TeacherDescription teacher, ScoreTask task) {
        int[] tokens = task.item().tokens();
        CacheKey key = CacheKey.of(teacher, task.format().selection(), tokens);
        return new RowsQuery(key, teacher, tokens, Holdings.wanted(task));
    }

    /** Whether rows {@linkplain Holdings#contains answer} what is asked for. */
    public boolean answeredBy(Holdings held) {
        return contains(held, wanted);
    }

    /** Whether one set of rows of the query's teacher {@linkplain Holdings#contains contains} another. */
    public boolean contains(Holdings held, Holdings other) {
        return Holdings.contains(held, other, teacher.vocabularySize(), teacher.deterministic());
    }

    /** Whether rows of a selection are kept under the query's key. */
    public boolean isKeyOf(Selection selection) {
        return key.equals(CacheKey.of(teacher, selection, tokens));
    }

    /** Digest of the server's execution fingerprint, as block headers state it. */
    public byte[] fingerprintDigest() {
        return Digests.fingerprint(Fingerprints.toMessage(teacher.fingerprint()));
    }
}
