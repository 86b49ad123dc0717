package dev.lyne.client;

import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/**
 * A teacher server and the channel to it, which all streams of a client share.
 *
 * @param label host:port, for people
 * @param channel owned by the client
 */
record Replica(String label, ManagedChannel channel) {
    private static final int MAX_MESSAGE_BYTES = 8 << 20;

    /** A host that vanished without closing its connections is found out by a ping that it does not answer. */
    private static final int KEEP_ALIVE_SECONDS = 60;

    private static final int KEEP_ALIVE_ANSWER_SECONDS = 20;

    static Replica to(TeacherAddresses.Place place, TeacherDialer dialer) {
        String host = place.address().getHostString();
        String label = (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":"
                + place.address().getPort();
        ManagedChannel channel = dialer.channel(place.address(), place.name())
                .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
                .keepAliveTimeout(KEEP_ALIVE_ANSWER_SECONDS, TimeUnit.SECONDS)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .build();
        return new Replica(label, channel);
    }
}
