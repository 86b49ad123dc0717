package dev.lyne.teacher.access;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Quota;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import javax.security.auth.x500.X500Principal;

/**
 * Rules of a file of tokens: tenants, the hashes of their tokens, and the subjects of their certificates. A file begins
 * with {@link #HEADER}; then each line is one of
 *
 * <pre>
 * tenant NAME [weight=2] [positions-per-second=50000] [burst=100000] [quota=enforce|shadow]
 * token NAME sha256:HEX [expires=2027-01-31] [teachers=a,b] [class=interactive|training|capture]
 * certificate NAME [teachers=a,b] [class=…] subject=CN=name,O=team
 * </pre>
 *
 * {@code #} begins a comment. A tenant without a line of its own has weight 1 and no quota; a credential without {@code class} may use
 * {@code training} and {@code capture}. A file with the header and no credential lets nobody in. A file without the
 * header is of the older kind, {@link AccessTokens}: every token in it may do everything, and never expires.
 */
public final class AccessRules {
    /** First line of a file of hashed tokens. */
    public static final String HEADER = "lyne-access 1";

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
    private static final Pattern HASH = Pattern.compile("sha256:[0-9a-f]{64}");
    private static final String TOKEN = "sha256:";
    private static final String CERTIFICATE = "subject:";
    private static final String SUBJECT = " subject=";
    private static final List<String> OF_TENANTS = List.of("weight", "positions-per-second", "burst", "quota");
    private static final List<String> OF_TOKENS = List.of("expires", "teachers", "class");
    private static final List<String> OF_CERTIFICATES = List.of("teachers", "class");

    private final boolean hashed;
    private final List<Caller> tokens;
    private final Map<String, Caller> certificates;

    private AccessRules(boolean hashed, List<Caller> tokens, Map<String, Caller> certificates) {
        this.hashed = hashed;
        this.tokens = List.copyOf(tokens);
        this.certificates = Map.copyOf(certificates);
    }

    /**
     * Reads a file.
     *
     * @throws IOException where it cannot be read
     * @throws IllegalArgumentException where a line is none, naming the line; never what stands for a token in it
     */
    public static AccessRules read(Path file) throws IOException {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(file + ": not text (expected: a line each, in UTF-8)", e);
        }
        boolean hashed = lines.stream()
                .map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                .findFirst()
                .filter(HEADER::equals)
                .isPresent();
        return hashed ? new Reading(file).of(lines) : plain(file);
    }

    private static AccessRules plain(Path file) throws IOException {
        List<Caller> tokens = new ArrayList<>();
        for (AccessToken token : AccessTokens.read(file).tokens()) {
            tokens.add(new Caller(
                    new Tenant(token.holder(), 1, Optional.empty()),
                    TOKEN + HexFormat.of().formatHex(token.digest()),
                    Set.of(),
                    PriorityClass.INTERACTIVE,
                    Optional.empty()));
        }
        return new AccessRules(false, tokens, Map.of());
    }

    /** The beginning of a token's line, without the token. */
    static String line(String tenant, AccessToken token) {
        return "token " + tenant + " " + TOKEN + HexFormat.of().formatHex(token.digest());
    }

    /** Whether tokens stand in the file as their hashes alone. */
    public boolean hashed() {
        return hashed;
    }

    /** Whether the file lets nobody in: it has its header and no credential. */
    boolean closed() {
        return tokens.isEmpty() && certificates.isEmpty();
    }

    /** Returns the caller who has a token. Every one is compared, whatever the others say, and each takes as long. */
    Optional<Caller> ofToken(String text) {
        return ofToken((TOKEN + HexFormat.of().formatHex(AccessToken.digest(text))).getBytes(US_ASCII));
    }

    private Optional<Caller> ofToken(byte[] credential) {
        Optional<Caller> found = Optional.empty();
        for (Caller token : tokens) {
            if (MessageDigest.isEqual(token.credential().getBytes(US_ASCII), credential)) {
                found = Optional.of(token);
            }
        }
        return found;
    }

    /** Whose certificate it is, to the earlier of its end and what the file says. */
    Optional<Caller> ofCertificate(X509Certificate certificate) {
        Instant end = certificate.getNotAfter().toInstant();
        return Optional.ofNullable(certificates.get(credential(certificate)))
                .map(caller -> new Caller(
                        caller.tenant(), caller.credential(), caller.teachers(), caller.best(), Optional.of(end)));
    }

    /** A caller as the file knows it now. */
    Optional<Caller> again(Caller caller) {
        if (isToken(caller)) {
            return ofToken(caller.credential().getBytes(US_ASCII))
                    .filter(found ->
                            found.tenant().name().equals(caller.tenant().name()));
        }
        return Optional.ofNullable(certificates.get(caller.credential()))
                .filter(found -> found.tenant().name().equals(caller.tenant().name()))
                .map(found -> new Caller(
                        found.tenant(), found.credential(), found.teachers(), found.best(), caller.expiry()));
    }

    static boolean isToken(Caller caller) {
        return caller.credential().startsWith(TOKEN);
    }

    static String credential(X509Certificate certificate) {
        return credential(certificate.getSubjectX500Principal());
    }

    private static String credential(X500Principal subject) {
        return CERTIFICATE + subject.getName(X500Principal.CANONICAL);
    }

    /** Whether a text may be a tenant's name as it is. */
    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    static void requireName(String tenant) {
        if (!isName(tenant)) {
            throw new IllegalArgumentException(
                    "tenant: " + tenant + " (expected: letters, digits and ._-, at most 63 of them)");
        }
    }

    /** How many tokens and certificates it knows; none of them. */
    @Override
    public String toString() {
        return tokens.size() + " tokens and " + certificates.size() + " certificates";
    }

    /** A moment that a token expires at: an instant, or the first of a day, UTC. */
    static Instant expiry(String text) {
        try {
            return text.contains("T")
                    ? Instant.parse(text)
                    : LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    "expires: " + text + " (expected: a day such as 2027-01-31, or 2027-01-31T12:00:00Z)", e);
        }
    }

    /** A file being read. */
    private static final class Reading {
        private final Path file;
        private final Map<String, Tenant> tenants = new HashMap<>();
        private final Map<String, Integer> lineOfCredential = new HashMap<>();
        private final List<Caller> tokens = new ArrayList<>();
        private final Map<String, Caller> certificates = new HashMap<>();

        Reading(Path file) {
            this.file = file;
        }

        AccessRules of(List<String> lines) {
            // Tenants first: their lines may stand behind those of their tokens.
            for (String kind : List.of("tenant", "token", "certificate")) {
                for (int i = 0; i < lines.size(); i++) {
                    String line = lines.get(i).strip();
                    if (line.isEmpty() || line.startsWith("#") || line.equals(HEADER)) {
                        continue;
                    }
                    try {
                        line(kind, line, i + 1);
                    } catch (IllegalArgumentException e) {
                        throw new IllegalArgumentException(file + ":" + (i + 1) + ": " + e.getMessage(), e);
                    }
                }
            }
            return new AccessRules(true, tokens, certificates);
        }

        private void line(String wanted, String line, int number) {
            int subjectAt = line.indexOf(SUBJECT);
            String[] words = (subjectAt < 0 ? line : line.substring(0, subjectAt)).split("\\s+");
            String kind = words[0];
            if (!Set.of("tenant", "token", "certificate").contains(kind) || words.length < 2) {
                throw new IllegalArgumentException("a line of " + words.length
                        + " words (expected: tenant NAME …, token NAME sha256:HEX … or certificate NAME … subject=…)");
            }
            if (!kind.equals(wanted)) {
                return;
            }
            switch (kind) {
                case "tenant" -> tenant(words);
                case "token" -> token(words, number);
                default ->
                    certificate(words, subjectAt < 0 ? "" : line.substring(subjectAt + SUBJECT.length()), number);
            }
        }

        private void tenant(String[] words) {
            String name = words[1];
            requireName(name);
            Map<String, String> attributes = attributes(words, 2, OF_TENANTS);
            double weight = Optional.ofNullable(attributes.remove("weight"))
                    .map(text -> number("weight", text))
                    .orElse(1.0);
            Optional<Double> rate = Optional.ofNullable(attributes.remove("positions-per-second"))
                    .map(text -> number("positions-per-second", text));
            Optional<Double> burst =
                    Optional.ofNullable(attributes.remove("burst")).map(text -> number("burst", text));
            Optional<String> mode = Optional.ofNullable(attributes.remove("quota"));
            if (rate.isEmpty() && (burst.isPresent() || mode.isPresent())) {
                throw new IllegalArgumentException("burst or quota without positions-per-second (expected: with it)");
            }
            if (mode.isPresent() && !Set.of("enforce", "shadow").contains(mode.get())) {
                throw new IllegalArgumentException("quota: " + mode.get() + " (expected: enforce, shadow)");
            }
            Optional<Quota> quota = rate.map(each ->
                    new Quota(each.longValue(), burst.orElse(each).longValue(), !mode.equals(Optional.of("shadow"))));
            if (tenants.put(name, new Tenant(name, weight, quota)) != null) {
                throw new IllegalArgumentException("tenant " + name + " a second time (expected: once)");
            }
        }

        private void token(String[] words, int number) {
            if (words.length < 3 || !HASH.matcher(words[2]).matches()) {
                throw new IllegalArgumentException(
                        "a token that is no hash (expected: token NAME sha256:HEX, as ./lyne token new writes it)");
            }
            if (!isName(words[1])) { // with its words in other places it may be a token
                throw new IllegalArgumentException(
                        "word 2 is no tenant (expected: letters, digits and ._-, at most 63 of them)");
            }
            Map<String, String> attributes = attributes(words, 3, OF_TOKENS);
            Optional<Instant> expiry =
                    Optional.ofNullable(attributes.remove("expires")).map(AccessRules::expiry);
            tokens.add(caller(words[1], words[2], attributes, expiry, number));
        }

        private void certificate(String[] words, String subject, int number) {
            requireName(words[1]);
            Map<String, String> attributes = attributes(words, 2, OF_CERTIFICATES);
            X500Principal name;
            try {
                name = new X500Principal(subject);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("subject: " + subject + " (expected: CN=name,O=team)", e);
            }
            if (subject.isBlank()) {
                throw new IllegalArgumentException("no subject (expected: subject=CN=name,O=team at the end)");
            }
            String credential = credential(name);
            certificates.put(credential, caller(words[1], credential, attributes, Optional.empty(), number));
        }

        private Caller caller(
                String tenant,
                String credential,
                Map<String, String> attributes,
                Optional<Instant> expiry,
                int number) {
            Set<String> teachers = Optional.ofNullable(attributes.remove("teachers"))
                    .map(text -> Set.of(text.split(",")))
                    .orElse(Set.of());
            PriorityClass best = Optional.ofNullable(attributes.remove("class"))
                    .map(PriorityClass::of)
                    .orElse(PriorityClass.TRAINING);
            Integer earlier = lineOfCredential.putIfAbsent(credential, number);
            if (earlier != null) {
                throw new IllegalArgumentException("the credential of line " + earlier + " (expected: another)");
            }
            Tenant known = tenants.getOrDefault(tenant, new Tenant(tenant, 1, Optional.empty()));
            return new Caller(known, credential, teachers, best, expiry);
        }

        /**
         * Reads words of keys and values. A key that is not known is not shown: it may be a token in another's place.
         */
        private static Map<String, String> attributes(String[] words, int from, List<String> known) {
            Map<String, String> attributes = new LinkedHashMap<>();
            for (int i = from; i < words.length; i++) {
                int at = words[i].indexOf('=');
                if (at < 1) {
                    throw new IllegalArgumentException("word " + (i + 1) + " (expected: key=value)");
                }
                String key = words[i].substring(0, at);
                if (!known.contains(key)) {
                    throw new IllegalArgumentException("word " + (i + 1) + " has a key that is none (expected: one of "
                            + String.join(", ", known) + ")");
                }
                if (attributes.put(key, words[i].substring(at + 1)) != null) {
                    throw new IllegalArgumentException(key + " a second time (expected: once)");
                }
            }
            return attributes;
        }

        private static double number(String key, String text) {
            try {
                return Double.parseDouble(text);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(key + ": " + text + " (expected: a number)", e);
            }
        }
    }
}
