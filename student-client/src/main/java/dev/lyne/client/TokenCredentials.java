package dev.lyne.client;

import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import dev.lyne.wire.access.WatchedFiles;
import io.grpc.CallCredentials;
import io.grpc.Metadata;
import java.io.IOException;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives every call the bearer token that its file holds when the call begins. */
final class TokenCredentials extends CallCredentials {
    private static final Logger LOG = LoggerFactory.getLogger(TokenCredentials.class);

    private final WatchedFiles<AccessToken> token;

    TokenCredentials(WatchedFiles<AccessToken> token) {
        this.token = token;
    }

    @Override
    public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
        executor.execute(() -> {
            try {
                if (token.refresh()) {
                    LOG.info("the token changed and was read again");
                }
            } catch (IOException | IllegalArgumentException e) {
                LOG.warn("the token changed and cannot be used ({}); the one before stays", e.getMessage());
            }
            Metadata headers = new Metadata();
            headers.put(AccessTokens.HEADER, token.current().headerValue());
            applier.apply(headers);
        });
    }
}
