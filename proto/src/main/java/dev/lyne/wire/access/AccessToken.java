package dev.lyne.wire.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Pattern;

/** A bearer token and whose it is. Its text is nowhere but in {@link #headerValue} and {@link #text}: not in messages, nor in {@link #toString}. */
public final class AccessToken {
    private static final String SCHEME = "Bearer ";
    private static final int RANDOM_BYTES = 32;
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
        this.headerValue = SCHEME + text;
        this.digest = digest(text);
    }

    /** Whose it is, for logs. */
    public String holder() {
        return holder;
    }

    /** Value of the header {@code authorization}: a secret. */
    public String headerValue() {
        return headerValue;
    }

    /** SHA-256 of its text. */
    public byte[] digest() {
        return digest.clone();
    }

    /** A new one of 32 random bytes. */
    public static AccessToken random(String holder, SecureRandom random) {
        byte[] bytes = new byte[RANDOM_BYTES];
        random.nextBytes(bytes);
        return new AccessToken(
                "new", holder, Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
    }

    /** The text alone: a secret. */
    public String text() {
        return headerValue.substring(SCHEME.length());
    }

    /** SHA-256 of a token's text. */
    public static byte[] digest(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("no SHA-256, which every JDK has", e);
        }
    }

    @Override
    public String toString() {
        return "token of " + holder;
    }
}
