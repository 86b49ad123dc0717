package dev.lyne.cli.serve;

import dev.lyne.teacher.access.ServerSecurity;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how a server is spoken to. */
final class ServerSecurityOptions {
    @Option(
            names = "--tls-cert",
            paramLabel = "FILE",
            description =
                    "Certificate to listen with, in PEM, those that vouch for it after it (default: plain text, on"
                            + " loopback only). Read again when it changes, as the key and the tokens are.")
    private @Nullable Path certificate;

    @Option(names = "--tls-key", paramLabel = "FILE", description = "Its private key, in PEM and PKCS#8.")
    private @Nullable Path key;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description =
                    "Tenants with the hashes of the bearer tokens that calls must carry one of, health apart, as ./lyne token"
                            + " new writes it (default: none is asked for).")
    private @Nullable Path tokenFile;

    @Option(
            names = "--tls-client-ca",
            paramLabel = "FILE",
            description =
                    "Believe certificates of clients that those in this PEM file vouch for. Without --token-file every client"
                            + " must have one; with it, either counts (default: clients have none).")
    private @Nullable Path clientAuthorities;

    @Option(names = "--insecure", description = "Take plain text from other hosts, where the network is trusted.")
    private boolean insecure;

    /** @throws IllegalArgumentException where they contradict each other, or a file does not hold what it should */
    ServerSecurity security() {
        if ((certificate == null) != (key == null)) {
            throw new IllegalArgumentException(
                    "--tls-cert: " + certificate + ", --tls-key: " + key + " (expected: both or neither)");
        }
        ServerSecurity security = new ServerSecurity(
                certificate == null || key == null
                        ? Optional.empty()
                        : Optional.of(new ServerSecurity.CertificateFiles(certificate, key)),
                Optional.ofNullable(tokenFile),
                Optional.ofNullable(clientAuthorities),
                insecure);
        security.requireReadable();
        return security;
    }
}
