package dev.lyne.teacher.engine;

import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import dev.lyne.wire.access.WatchedFiles;
import io.netty.channel.Channel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Access to an engine: in plain text or by TLS, and with which key. The key is in no message. Safe for several threads.
 */
final class EngineAccess {
    private static final Logger LOG = LoggerFactory.getLogger(EngineAccess.class);

    private final Optional<SslContext> tls;
    private final Optional<WatchedFiles<AccessToken>> token;

    private EngineAccess(Optional<SslContext> tls, Optional<WatchedFiles<AccessToken>> token) {
        this.tls = tls;
        this.token = token;
    }

    /**
     * Reads the certificates and the key.
     *
     * @throws IllegalArgumentException naming the option and the file that cannot be used
     */
    static EngineAccess open(EngineSettings.Access settings) {
        Optional<SslContext> tls = settings.tls() ? Optional.of(context(settings.authorities())) : Optional.empty();
        return new EngineAccess(tls, settings.tokenFile().map(EngineAccess::token));
    }

    private static SslContext context(Optional<Path> authorities) {
        // The certificate has to be of the host that was asked for, or any certificate of the authority would do.
        SslContextBuilder builder = SslContextBuilder.forClient().endpointIdentificationAlgorithm("HTTPS");
        try {
            if (authorities.isPresent()) {
                if (!Files.isReadable(authorities.get())) {
                    throw new IllegalArgumentException("--engine-tls-ca: " + authorities.get()
                            + " cannot be read (expected: certificates in PEM)");
                }
                builder.trustManager(authorities.get().toFile());
            }
            return builder.build();
        } catch (SSLException | IllegalArgumentException e) {
            if (String.valueOf(e.getMessage()).startsWith("--engine-tls-ca")) {
                throw (IllegalArgumentException) e;
            }
            throw new IllegalArgumentException(
                    "--engine-tls-ca: " + authorities.map(Path::toString).orElse("none")
                            + " (expected: certificates in PEM)",
                    e);
        }
    }

    private static WatchedFiles<AccessToken> token(Path file) {
        try {
            return WatchedFiles.open(List.of(file), () -> AccessTokens.readOne(file));
        } catch (IOException e) {
            throw new IllegalArgumentException("--engine-token-file: " + file + " cannot be read: " + e, e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--engine-token-file: " + e.getMessage(), e);
        }
    }

    /** Returns the handler that encrypts a connection to an address; empty in plain text. */
    Optional<SslHandler> handler(Channel channel, InetSocketAddress address) {
        String host = address.getHostString();
        String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host; // as certificates have it
        return tls.map(context -> context.newHandler(channel.alloc(), bare, address.getPort()));
    }

    /** Value of the header {@code authorization} of the next request, read again where its file changed; a secret. */
    Optional<String> authorization() {
        return token.map(file -> {
            try {
                if (file.refresh()) {
                    LOG.info("the engine's key changed and was read again");
                }
            } catch (IOException | IllegalArgumentException e) {
                LOG.warn("the engine's key changed and cannot be used ({}); the one before stays", e.getMessage());
            }
            return file.current().headerValue();
        });
    }

    /** A text of the engine's without the key, should it repeat it. */
    String redacted(String text) {
        return token.map(file -> text.replace(file.current().text(), "…")).orElse(text);
    }
}
