package dev.lyne.student.client;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.net.InetSocketAddress;

/**
 * A teacher server and the channel to it, which all streams of a client share.
 *
 * @param label host:port, for people
 * @param channel owned by the client
 */
record Replica(String label, ManagedChannel channel) {
    private static final int MAX_MESSAGE_BYTES = 8 << 20;

    static Replica to(InetSocketAddress address) {
        String host = address.getHostString();
        String label = (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + address.getPort();
        ManagedChannel channel = NettyChannelBuilder.forAddress(host, address.getPort())
                .usePlaintext()
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .build();
        return new Replica(label, channel);
    }
}
