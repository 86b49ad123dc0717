package dev.lyne.client;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a client speaks to teacher servers. Plain text goes to this machine only, unless it is asked for. The files are read when
 * a client connects; a token's file is read again when it changes.
 *
 * @param tls how servers prove who they are; empty: plain text
 * @param tokenFile a file with the one bearer token that calls carry; empty: none
 * @param insecure whether plain text may leave this machine, and the token with it
 */
public record TeacherSecurity(Optional<Tls> tls, Optional<Path> tokenFile, boolean insecure) {
    /** Plain text, to this machine only, without a token. */
    public static final TeacherSecurity LOOPBACK = new TeacherSecurity(Optional.empty(), Optional.empty(), false);

    /** Plain text to any host, without a token. */
    public static final TeacherSecurity INSECURE = new TeacherSecurity(Optional.empty(), Optional.empty(), true);

    /**
     * Transport layer security.
     *
     * @param authorities PEM certificates of whom to believe; empty: those that the Java runtime believes
     * @param serverName name that a server's certificate must have; empty: the host that was dialled
     */
    public record Tls(Optional<Path> authorities, Optional<String> serverName) {}

    public TeacherSecurity {
        if (insecure && tls.isPresent()) {
            throw new IllegalArgumentException(
                    "insecure: with TLS (expected: one of them; insecure means plain text, not an unchecked certificate)");
        }
    }

    /** TLS with servers whose certificates those in a PEM file vouch for. */
    public static TeacherSecurity trusting(Path authorities) {
        return new TeacherSecurity(
                Optional.of(new Tls(Optional.of(authorities), Optional.empty())), Optional.empty(), false);
    }

    /** The same, with the token of a file. */
    public TeacherSecurity withTokenFile(Path file) {
        return new TeacherSecurity(tls, Optional.of(file), insecure);
    }

    /**
     * What settings of the usual names say.
     *
     * @param systemTrust {@code tls}
     * @param authorities {@code tls_ca}
     * @param serverName {@code tls_server_name}
     * @param tokenFile {@code token_file}
     * @throws IllegalArgumentException where they contradict each other
     */
    public static TeacherSecurity of(
            boolean systemTrust,
            Optional<Path> authorities,
            Optional<String> serverName,
            Optional<Path> tokenFile,
            boolean insecure) {
        boolean tls = systemTrust || authorities.isPresent();
        if (serverName.isPresent() && !tls) {
            throw new IllegalArgumentException(
                    "tls-server-name: " + serverName.get() + " (expected: only with tls-ca or tls)");
        }
        return new TeacherSecurity(
                tls ? Optional.of(new Tls(authorities, serverName)) : Optional.empty(), tokenFile, insecure);
    }
}
