package dev.lyne.teacher.access;

import dev.lyne.teacher.access.ServerSecurity.CertificateFiles;
import io.grpc.util.CertificateUtils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A certificate that is valid now, those that vouch for it, and its private key. Prints nothing of the key. */
final class ServerIdentity {
    private static final byte[] PROBE = {1, 2, 3};

    private final X509Certificate[] chain;
    private final PrivateKey key;

    private ServerIdentity(X509Certificate[] chain, PrivateKey key) {
        this.chain = chain;
        this.key = key;
    }

    /**
     * Reads the files.
     *
     * @throws IOException where one cannot be read
     * @throws IllegalArgumentException where they are no certificate and its key, or it is not valid now
     */
    static ServerIdentity read(CertificateFiles files) throws IOException {
        X509Certificate[] chain = chain(files.certificates());
        PrivateKey key = key(files.key());
        try {
            chain[0].checkValidity();
        } catch (CertificateExpiredException e) {
            throw notValid(files, "expired at " + chain[0].getNotAfter().toInstant(), e);
        } catch (CertificateNotYetValidException e) {
            throw notValid(files, "not valid before " + chain[0].getNotBefore().toInstant(), e);
        }
        if (!isOf(key, chain[0])) {
            throw new IllegalArgumentException(files.key()
                    + ": another key (expected: that of the first certificate in " + files.certificates() + ")");
        }
        return new ServerIdentity(chain, key);
    }

    X509Certificate[] chain() {
        return chain.clone();
    }

    PrivateKey key() {
        return key;
    }

    /** Returns the time at which the server's own certificate ceases to be valid. */
    Instant expiry() {
        return chain[0].getNotAfter().toInstant();
    }

    /** Certificates of those who vouch for others'. */
    static X509Certificate[] authorities(Path file) throws IOException {
        return chain(file);
    }

    private static X509Certificate[] chain(Path file) throws IOException {
        try (InputStream pem = Files.newInputStream(file)) {
            X509Certificate[] chain = CertificateUtils.getX509Certificates(pem);
            if (chain.length > 0) {
                return chain;
            }
        } catch (CertificateException e) {
            throw noCertificates(file, e);
        }
        throw noCertificates(file, null);
    }

    private static IllegalArgumentException noCertificates(Path file, @Nullable CertificateException cause) {
        return new IllegalArgumentException(file + " (expected: certificates in PEM)", cause);
    }

    private static PrivateKey key(Path file) throws IOException {
        try (InputStream pem = Files.newInputStream(file)) {
            return CertificateUtils.getPrivateKey(pem);
        } catch (GeneralSecurityException | RuntimeException e) {
            // Without its cause, which may show what stands in the file.
            throw new IllegalArgumentException(file
                    + " (expected: a private key in PEM and PKCS#8, BEGIN PRIVATE KEY, as `openssl pkcs8 -topk8 -nocrypt`"
                    + " writes it)");
        }
    }

    private static boolean isOf(PrivateKey key, X509Certificate certificate) {
        String algorithm = switch (key.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> key.getAlgorithm();
        };
        try {
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(PROBE);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            signature.update(PROBE);
            return signature.verify(signed);
        } catch (InvalidKeyException | SignatureException e) {
            return false;
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("key of " + key.getAlgorithm() + " (expected: RSA or EC)", e);
        }
    }

    private static IllegalArgumentException notValid(CertificateFiles files, String why, CertificateException cause) {
        return new IllegalArgumentException(
                files.certificates() + ": " + why + " (expected: a certificate that is valid now)", cause);
    }
}
