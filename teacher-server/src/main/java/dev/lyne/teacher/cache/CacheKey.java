package dev.lyne.teacher.cache;

import dev.lyne.teacher.model.Fingerprints;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.Digests;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 over teacher, execution fingerprint, selection family and tokens, as four big-endian words. */
public record CacheKey(long a, long b, long c, long d) {
    /** Length of {@link #bytes}. */
    public static final int BYTES = 32;

    /** Top-k and top-p-k keep a prefix of one order, so a stored row may serve either. */
    private static final byte[] PREFIX_FAMILY = "prefix".getBytes(StandardCharsets.UTF_8);

    static CacheKey of(TeacherDescription teacher, int[] tokens) {
        MessageDigest digest = sha256();
        digest.update(teacher.modelDigest());
        digest.update(PREFIX_FAMILY);
        digest.update((byte) (teacher.deterministic() ? 1 : 0));
        // Rows are the machine's, not only the teacher's: a student refuses rows of another machine than its server's.
        digest.update(Digests.fingerprint(Fingerprints.toMessage(teacher.fingerprint())));
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
