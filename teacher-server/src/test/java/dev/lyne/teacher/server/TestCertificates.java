package dev.lyne.teacher.server;

import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** An authority that lives as long as its test, and the certificates that it issues, as PEM files. */
final class TestCertificates {
    private final Path directory;
    private final X509Bundle authority;

    TestCertificates(Path directory) throws Exception {
        this.directory = directory;
        this.authority = builder("CN=authority").setIsCertificateAuthority(true).buildSelfSigned();
        Files.writeString(authority(), authority.getCertificatePEM());
    }

    /** The authority's certificate. */
    Path authority() {
        return directory.resolve("ca.pem");
    }

    /** Issues a certificate for a DNS name, in place of the last one. */
    ServerSecurity.CertificateFiles issue(String name) throws Exception {
        return write(builder("CN=" + name).addSanDnsName(name));
    }

    /** Issues one for the loopback address and {@code localhost}. */
    ServerSecurity.CertificateFiles issueForLoopback() throws Exception {
        return write(builder("CN=localhost").addSanDnsName("localhost").addSanIpAddress("127.0.0.1"));
    }

    /** The same, which expired a day ago. */
    ServerSecurity.CertificateFiles issueExpired() throws Exception {
        Instant now = Instant.now();
        return write(builder("CN=localhost")
                .addSanDnsName("localhost")
                .addSanIpAddress("127.0.0.1")
                .notBefore(now.minus(Duration.ofDays(3)))
                .notAfter(now.minus(Duration.ofDays(1))));
    }

    /** Issues a client's certificate of a subject, valid or expired a day ago. */
    TeacherSecurity.ClientCertificate issueClient(String subject, boolean valid) throws Exception {
        CertificateBuilder builder = builder(subject);
        X509Bundle issued = (valid
                        ? builder
                        : builder.notBefore(Instant.now().minus(Duration.ofDays(3)))
                                .notAfter(Instant.now().minus(Duration.ofDays(1))))
                .buildIssuedBy(authority);
        return new TeacherSecurity.ClientCertificate(
                replace("client.pem", issued.getCertificatePathPEM()),
                replace("client.key", issued.getPrivateKeyPEM()));
    }

    static ServerSecurity tls(ServerSecurity.CertificateFiles files) {
        return new ServerSecurity(Optional.of(files), Optional.empty(), false);
    }

    private static CertificateBuilder builder(String subject) {
        Instant now = Instant.now();
        return new CertificateBuilder()
                .subject(subject)
                .ecp256()
                .notBefore(now.minus(Duration.ofDays(5)))
                .notAfter(now.plus(Duration.ofDays(5)));
    }

    private ServerSecurity.CertificateFiles write(CertificateBuilder builder) throws Exception {
        X509Bundle issued = builder.buildIssuedBy(authority);
        return new ServerSecurity.CertificateFiles(
                replace("server.pem", issued.getCertificatePathPEM()),
                replace("server.key", issued.getPrivateKeyPEM()));
    }

    private Path replace(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.move(
                Files.writeString(directory.resolve(name + ".new"), text), file, StandardCopyOption.REPLACE_EXISTING);
        return file;
    }
}
