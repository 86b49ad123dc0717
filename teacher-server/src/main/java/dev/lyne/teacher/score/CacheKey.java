package dev.lyne.teacher.score;

import dev.lyne.row.Selection;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.Digests;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * SHA-256 over teacher, selection family with what defines its kind, and tokens, as four big-endian words; in deterministic mode over
 * the execution fingerprint, too. What an entry holds beyond that (k, p, temperatures, precision, positions) is the entry's to say.
 */
public record CacheKey(long a, long b, long c, long d) {
    /** Length of {@link #bytes}. */
    public static final int BYTES = 32;

    public static CacheKey of(TeacherDescription teacher, Selection selection, int[] tokens) {
        MessageDigest digest = sha256();
        digest.update(teacher.modelDigest());
        digest.update((byte) (teacher.deterministic() ? 1 : 0));
        if (teacher.deterministic()) {
            // Bits are the machine's, not only the teacher's.
            digest.update(Digests.fingerprint(teacher.fingerprint().toMessage()));
        }
        byte[] family = selection.family().getBytes(StandardCharsets.UTF_8);
        digest.update((byte) family.length);
        digest.update(family);
        ByteBuffer ids = ByteBuffer.allocate(4 * tokens.length).order(ByteOrder.LITTLE_ENDIAN);
        ids.asIntBuffer().put(tokens);
        digest.update(ids);
        ByteBuffer hash = ByteBuffer.wrap(digest.digest());
        return new CacheKey(hash.getLong(), hash.getLong(), hash.getLong(), hash.getLong());
    }

    /** The digest, 32 bytes. */
    public byte[] bytes() {
        return ByteBuffer.allocate(BYTES)
                .putLong(a)
                .putLong(b)
                .putLong(c)
                .putLong(d)
                .array();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
