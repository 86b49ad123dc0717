package dev.lyne.teacher.cache;

import dev.lyne.teacher.model.Fingerprints;
import dev.lyne.teacher.model.TeacherDescription;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 over teacher, selection family and tokens, as four big-endian words. */
record CacheKey(long a, long b, long c, long d) {
    /** Top-k and top-p-k keep a prefix of one order, so a stored row may serve either. */
    private static final byte[] PREFIX_FAMILY = "prefix".getBytes(StandardCharsets.UTF_8);

    static CacheKey of(TeacherDescription teacher, int[] tokens) {
        MessageDigest digest = sha256();
        digest.update(teacher.modelDigest());
        digest.update(PREFIX_FAMILY);
        // Deterministic rows are the machine's, not only the teacher's.
        digest.update((byte) (teacher.deterministic() ? 1 : 0));
        if (teacher.deterministic()) {
            byte[] fingerprint = Fingerprints.toMessage(teacher.fingerprint()).toByteArray();
            digest.update(ByteBuffer.allocate(4).putInt(fingerprint.length).array());
            digest.update(fingerprint);
        }
        ByteBuffer ids = ByteBuffer.allocate(4 * tokens.length).order(ByteOrder.LITTLE_ENDIAN);
        ids.asIntBuffer().put(tokens);
        digest.update(ids);
        ByteBuffer hash = ByteBuffer.wrap(digest.digest());
        return new CacheKey(hash.getLong(), hash.getLong(), hash.getLong(), hash.getLong());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
