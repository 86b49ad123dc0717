package dev.lyne.cli.common;

import dev.lyne.client.TeacherSecurity;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how a teacher server is spoken to; each can also stand in the environment, as the options of all commands. */
public final class TeacherSecurityOptions {
    @Option(names = "--tls", description = "Speak TLS, and believe whom the Java runtime believes (LYNE_TLS).")
    private boolean tls;

    @Option(
            names = "--tls-ca",
            paramLabel = "FILE",
            description = "Speak TLS, and believe the certificates in this PEM file (LYNE_TLS_CA).")
    private @Nullable Path authorities;

    @Option(
            names = "--tls-server-name",
            paramLabel = "NAME",
            description =
                    "Name that the server's certificate must have (LYNE_TLS_SERVER_NAME; default: the host asked).")
    private @Nullable String serverName;

    @Option(
            names = "--tls-client-cert",
            paramLabel = "FILE",
            description = "Certificate to show, in PEM, where the server knows callers by it (LYNE_TLS_CLIENT_CERT).")
    private @Nullable Path clientCertificate;

    @Option(
            names = "--tls-client-key",
            paramLabel = "FILE",
            description = "Its private key, in PEM and PKCS#8 (LYNE_TLS_CLIENT_KEY).")
    private @Nullable Path clientKey;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description = "File with the bearer token to show (LYNE_TOKEN_FILE).")
    private @Nullable Path tokenFile;

    @Option(names = "--insecure", description = "Speak plain text to other hosts, too (LYNE_INSECURE).")
    private boolean insecure;

    /** @throws IllegalArgumentException where they contradict each other */
    public TeacherSecurity security() {
        return security(Optional.ofNullable(tokenFile));
    }

    /**
     * Returns the security of calls that need no token. In the environment of a server, the variable names the file of
     * all tokens.
     */
    public TeacherSecurity withoutToken() {
        return security(Optional.empty());
    }

    private TeacherSecurity security(Optional<Path> token) {
        return TeacherSecurity.of(
                        tls, Optional.ofNullable(authorities), Optional.ofNullable(serverName), token, insecure)
                .withCertificate(Optional.ofNullable(clientCertificate), Optional.ofNullable(clientKey));
    }
}
