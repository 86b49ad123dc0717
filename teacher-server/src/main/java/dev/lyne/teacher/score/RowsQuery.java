package dev.lyne.teacher.score;

import dev.lyne.row.Selection;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.Digests;

/**
 * Query to a tier, with all that tells whether what it holds answers it.
 *
 * @param key where to look
 * @param teacher whose rows are wanted
 * @param tokens the sequence
 * @param wanted format and positions
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
public record RowsQuery(CacheKey key, TeacherDescription teacher, int[] tokens, CachedSelection wanted) {
    public static RowsQuery of(TeacherDescription teacher, ScoreTask task) {
        int[] tokens = task.item().tokens();
        CacheKey key = CacheKey.of(teacher, task.format().selection(), tokens);
        return new RowsQuery(key, teacher, tokens, CachedSelection.wanted(task));
    }

    /** Whether rows {@linkplain CachedSelection#contains answer} what is asked for. */
    public boolean answeredBy(CachedSelection held) {
        return contains(held, wanted);
    }

    /** Whether one set of rows of the query's teacher {@linkplain CachedSelection#contains contains} another. */
    public boolean contains(CachedSelection held, CachedSelection other) {
        return CachedSelection.contains(held, other, teacher.vocabularySize(), teacher.deterministic());
    }

    /** Whether rows of a selection are kept under the query's key. */
    public boolean isKeyOf(Selection selection) {
        return key.equals(CacheKey.of(teacher, selection, tokens));
    }

    /** Digest of the server's execution fingerprint, as block headers state it. */
    public byte[] fingerprintDigest() {
        return Digests.fingerprint(teacher.fingerprint().toMessage());
    }
}
