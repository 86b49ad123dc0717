package dev.lyne.teacher.access;

import dev.lyne.wire.access.AccessTokens;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a server is spoken to. Plain text is for this machine only, unless it is asked for.
 *
 * @param certificate files of its certificate; empty: plain text
 * @param tokenFile file of the bearer tokens that it knows, see {@link AccessTokens}; empty: none is asked for
 * @param insecure whether plain text may come from other hosts
 */
public record ServerSecurity(Optional<CertificateFiles> certificate, Optional<Path> tokenFile, boolean insecure) {
    /** Plain text, on this machine only, without tokens. */
    public static final ServerSecurity LOOPBACK = new ServerSecurity(Optional.empty(), Optional.empty(), false);

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
        certificate.ifPresent(files -> identity(files));
        tokenFile.ifPresent(file -> tokens(file));
    }

    static ServerIdentity identity(CertificateFiles files) {
        return readable(() -> ServerIdentity.read(files));
    }

    static AccessTokens tokens(Path file) {
        return readable(() -> AccessTokens.read(file));
    }

    private interface Read<T> {
        T get() throws IOException;
    }

    private static <T> T readable(Read<T> read) {
        try {
            return read.get();
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(e.getFile() + ": no such file", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage() + ": cannot be read", e);
        }
    }
}
