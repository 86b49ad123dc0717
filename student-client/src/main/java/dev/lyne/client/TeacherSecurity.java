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
     * @param own what the client shows in turn; empty: nothing
     */
    public record Tls(Optional<Path> authorities, Optional<String> serverName, Optional<ClientCertificate> own) {
        /** Constructs TLS with no certificate of the client's. */
        public Tls(Optional<Path> authorities, Optional<String> serverName) {
            this(authorities, serverName, Optional.empty());
        }
    }

    /**
     * A client's certificate, by which a server knows it.
     *
     * @param certificates PEM file, the client's own first, then those that vouch for it
     * @param key PEM file of its private key in PKCS#8, not encrypted
     */
    public record ClientCertificate(Path certificates, Path key) {}

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
     * The same, with a certificate to show.
     *
     * @throws IllegalArgumentException where this is not TLS
     */
    public TeacherSecurity withCertificate(ClientCertificate own) {
        Tls spoken = tls.orElseThrow(() -> new IllegalArgumentException(
                "tls-client-cert: " + own.certificates() + " (expected: only with tls-ca or tls)"));
        return new TeacherSecurity(
                Optional.of(new Tls(spoken.authorities(), spoken.serverName(), Optional.of(own))), tokenFile, insecure);
    }

    /**
     * The same, with a certificate to show where settings name one.
     *
     * @param certificates {@code tls_client_cert}
     * @param key {@code tls_client_key}
     * @throws IllegalArgumentException where one of them is missing
     */
    public TeacherSecurity withCertificate(Optional<Path> certificates, Optional<Path> key) {
        if (certificates.isPresent() != key.isPresent()) {
            throw new IllegalArgumentException("tls-client-cert: "
                    + certificates.map(Path::toString).orElse("none") + ", tls-client-key: "
                    + key.map(Path::toString).orElse("none") + " (expected: both or neither)");
        }
        return certificates.isEmpty()
                ? this
                : withCertificate(new ClientCertificate(certificates.get(), key.orElseThrow()));
    }

    /**
     * Returns the security that settings of the usual names state.
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
