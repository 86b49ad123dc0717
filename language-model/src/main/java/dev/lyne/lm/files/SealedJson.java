package dev.lyne.lm.files;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/** An object of JSON on one line whose last value, {@code crc32c}, is the checksum of the object without it. */
public final class SealedJson {
    private static final Pattern SEAL = Pattern.compile(",\"crc32c\":\"([0-9a-f]{8})\"\\}$");

    private SealedJson() {}

    /** The object with its checksum, which needs another value before it. */
    public static String seal(String json) {
        return json.substring(0, json.length() - 1) + ",\"crc32c\":\"" + crc32c(json) + "\"}";
    }

    /**
     * The object without its checksum; as it is where it has none, as those of before.
     *
     * @throws IllegalArgumentException where the checksum is another, with both
     */
    public static String open(String sealed) {
        Matcher seal = SEAL.matcher(sealed);
        if (!seal.find()) {
            return sealed;
        }
        String json = sealed.substring(0, seal.start()) + "}";
        if (!seal.group(1).equals(crc32c(json))) {
            throw new IllegalArgumentException("CRC32C " + crc32c(json) + " (expected: " + seal.group(1) + ")");
        }
        return json;
    }

    private static String crc32c(String json) {
        CRC32C crc = new CRC32C();
        crc.update(json.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }
}
