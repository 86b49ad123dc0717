package dev.lyne.wire.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.regex.Pattern;

/** A bearer token and whose it is. Its text is nowhere but in {@link #headerValue}: not in messages, nor in {@link #toString}. */
public final class AccessToken {
    private static final int MIN_CHARACTERS = 16;
    private static final int MAX_CHARACTERS = 4_096;
    private static final Pattern TOKEN68 = Pattern.compile("[A-Za-z0-9._~+/-]+=*"); // RFC 6750, 2.1

    private final String holder;
    private final String headerValue;
    private final byte[] digest;

    /**
     * Checks the text.
     *
     * @throws IllegalArgumentException naming the place but not the text
     */
    AccessToken(String place, String holder, String text) {
        if (text.length() < MIN_CHARACTERS || text.length() > MAX_CHARACTERS) {
            throw new IllegalArgumentException(place + ": a token of " + text.length() + " characters (expected: "
                    + MIN_CHARACTERS + ".." + MAX_CHARACTERS + ")");
        }
        if (!TOKEN68.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    place + ": a token with other characters (expected: letters, digits and -._~+/, then =)");
        }
        this.holder = holder;
        this.headerValue = "Bearer " + text;
        this.digest = digest(headerValue);
    }

    /** Whose it is, for logs. */
    public String holder() {
        return holder;
    }

    /** Value of the header {@code authorization}: a secret. */
    public String headerValue() {
        return headerValue;
    }

    /** Whether a header's digest is this token's; takes as long whether it is or not. */
    boolean matches(byte[] headerDigest) {
        return MessageDigest.isEqual(digest, headerDigest);
    }

    /** SHA-256 of a header's value. */
    static byte[] digest(String headerValue) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(headerValue.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("no SHA-256, which every JDK has", e);
        }
    }

    @Override
    public String toString() {
        return "token of " + holder;
    }
}
