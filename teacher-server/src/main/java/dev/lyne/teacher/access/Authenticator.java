package dev.lyne.teacher.access;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.wire.access.AccessToken;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;

/**
 * Check of who a caller is, by the bearer token that it shows or the certificate that its connection was made with. A
 * token goes before a certificate. Knows no transport: whatever takes calls asks it. Safe for several threads.
 */
public final class Authenticator {
    /** Most characters of a common name that is none of a tenant. */
    private static final int MAX_KEPT = 40;

    private static final String SCHEME = "Bearer ";
    private static final String EXPECTED = " (expected: authorization: Bearer TOKEN, as --token-file FILE sends it)";

    private final Optional<Supplier<AccessRules>> rules;
    private final boolean certificates;
    private final InstantSource clock;

    /**
     * @param rules the tokens and certificates that are known, as they are now; empty: no token is asked for
     * @param certificates whether callers without rules are known by their certificates alone
     */
    Authenticator(Optional<Supplier<AccessRules>> rules, boolean certificates, InstantSource clock) {
        this.rules = rules;
        this.certificates = certificates;
        this.clock = clock;
    }

    /** Knows whoever has a credential.
     *
     * @param authorization value of the header {@code authorization}
     * @param certificate what the transport has verified
     */
    public Identity identify(Optional<String> authorization, Optional<X509Certificate> certificate) {
        if (rules.isEmpty()) {
            return certificates
                    ? certificate
                            .<Identity>map(shown -> unexpired(Optional.of(byName(shown)), "certificate"))
                            .orElseGet(() -> refused("no certificate (expected: one that --tls-client-ca vouches for)"))
                    : new Identity.Known(Caller.ANYBODY);
        }
        AccessRules known = rules.get().get();
        if (authorization.isPresent()) {
            return unexpired(known.ofToken(token(authorization.get())), "token");
        }
        if (certificate.isEmpty()) {
            return refused("no token" + EXPECTED);
        }
        return unexpired(known.ofCertificate(certificate.get()), "certificate");
    }

    /** Knows a caller again, or not any more: its credential was taken out or has expired. */
    public Identity again(Caller caller) {
        if (caller.credential().isEmpty() || rules.isEmpty()) {
            return unexpired(Optional.of(caller), "certificate");
        }
        String what = AccessRules.isToken(caller) ? "token" : "certificate";
        return unexpired(rules.get().get().again(caller), what);
    }

    private Identity unexpired(Optional<Caller> found, String what) {
        if (found.isEmpty()) {
            return refused("a " + what + " that this server does not know" + EXPECTED);
        }
        Caller caller = found.get();
        Optional<Instant> expiry = caller.expiry();
        if (expiry.isPresent() && !clock.instant().isBefore(expiry.get())) {
            return new Identity.Refused(new Failure(
                    Failure.Reason.TOKEN_EXPIRED,
                    "a " + what + " of " + caller.tenant().name() + " that expired at " + expiry.get()
                            + " (expected: a newer one)"));
        }
        return new Identity.Known(caller);
    }

    private static Identity refused(String why) {
        return new Identity.Refused(new Failure(Failure.Reason.UNAUTHENTICATED, why));
    }

    /** The tenant of a certificate where no file says whose it is: its common name, else its whole subject. */
    private static Caller byName(X509Certificate certificate) {
        return new Caller(
                new Tenant(tenant(certificate.getSubjectX500Principal().getName()), 1, Optional.empty()),
                AccessRules.credential(certificate),
                Set.of(),
                PriorityClass.INTERACTIVE,
                Optional.of(certificate.getNotAfter().toInstant()));
    }

    /**
     * Returns the name that a subject has in logs and labels: its common name, where that is one of a tenant. Else
     * what is left of it, with the beginning of a hash of the subject, so that two subjects are two tenants.
     */
    static String tenant(String subject) {
        String name = commonName(subject);
        if (AccessRules.isName(name)) {
            return name;
        }
        String start = name.substring(0, Math.min(name.length(), MAX_KEPT)).replaceAll("[^A-Za-z0-9._-]", "_");
        String hash = HexFormat.of().formatHex(AccessToken.digest(subject), 0, 6);
        return (start.matches("[A-Za-z0-9].*") ? start : "x" + start) + "." + hash;
    }

    private static String commonName(String subject) {
        try {
            return new LdapName(subject)
                    .getRdns().stream()
                            .filter(each -> each.getType().equalsIgnoreCase("CN"))
                            .map(Rdn::getValue)
                            .map(String::valueOf)
                            .reduce((general, specific) -> specific) // the least specific one comes first
                            .orElse(subject);
        } catch (InvalidNameException e) {
            return subject;
        }
    }

    /** The case of an authentication scheme does not matter (RFC 9110, 11.1). */
    private static String token(String authorization) {
        return authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                ? authorization.substring(SCHEME.length()).strip()
                : "";
    }
}
