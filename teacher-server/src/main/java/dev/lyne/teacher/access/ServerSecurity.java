package dev.lyne.teacher.access;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a server is spoken to. Plain text is for this machine only, unless it is asked for.
 *
 * @param certificate files of its certificate; empty: plain text
 * @param tokenFile file of the bearer tokens that it knows, see {@link AccessRules}; empty: none is asked for
 * @param clientAuthorities PEM certificates of those who vouch for clients' certificates; empty: clients have none. Where there is a
 *     token file, a client may show either, else it must have a certificate
 * @param insecure whether plain text may come from other hosts
 */
public record ServerSecurity(
        Optional<CertificateFiles> certificate,
        Optional<Path> tokenFile,
        Optional<Path> clientAuthorities,
        boolean insecure) {
    /** Plain text, on this machine only, without tokens. */
    public static final ServerSecurity LOOPBACK = new ServerSecurity(Optional.empty(), Optional.empty(), false);

    /** Without certificates of clients. */
    public ServerSecurity(Optional<CertificateFiles> certificate, Optional<Path> tokenFile, boolean insecure) {
        this(certificate, tokenFile, Optional.empty(), insecure);
    }

    /**
     * Files in PEM.
     *
     * @param certificates the server's own, then those that vouch for it
     * @param key the private key in PKCS#8, not encrypted
     */
    public record CertificateFiles(Path certificates, Path key) {}

    public ServerSecurity {
        if (insecure && certificate.isPresent()) {
            throw new IllegalArgumentException("insecure: with a certificate (expected: one of them)");
        }
        if (clientAuthorities.isPresent() && certificate.isEmpty()) {
            throw new IllegalArgumentException("tls-client-ca: " + clientAuthorities.get()
                    + " without a certificate (expected: with --tls-cert FILE and --tls-key FILE)");
        }
    }

    /** Refuses an address that other hosts reach, where this would take plain text from them. */
    public void requireFits(InetSocketAddress listen) {
        if (certificate.isEmpty() && !insecure && !listen.getAddress().isLoopbackAddress()) {
            throw new IllegalArgumentException("listen: " + listen.getHostString() + ":" + listen.getPort()
                    + " takes plain text from other hosts (expected: --tls-cert FILE and --tls-key FILE, a loopback"
                    + " address, or --insecure where the network is trusted)");
        }
    }

    /**
     * Reads the files as a server would when it starts.
     *
     * @throws IllegalArgumentException where one is missing or does not hold what it should
     */
    public void requireReadable() {
        certificate.ifPresent(files -> readable(() -> ServerIdentity.read(files)));
        tokenFile.ifPresent(file -> readable(() -> AccessRules.read(file)));
        clientAuthorities.ifPresent(file -> readable(() -> ServerIdentity.authorities(file)));
    }

    private interface Read<T> {
        T get() throws IOException;
    }

    private static void readable(Read<?> read) {
        try {
            var unused = read.get();
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(e.getFile() + ": no such file", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage() + ": cannot be read", e);
        }
    }
}
