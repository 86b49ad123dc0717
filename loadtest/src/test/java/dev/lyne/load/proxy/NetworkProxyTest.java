package dev.lyne.load.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class NetworkProxyTest {
    private static final InetAddress HOME = InetAddress.getLoopbackAddress();

    /** Sends back whatever comes, until it ends. */
    private static ServerSocket echo() throws IOException {
        ServerSocket server = new ServerSocket(0, 8, HOME);
        Thread thread = new Thread(() -> {
            try {
                while (true) {
                    try (Socket socket = server.accept()) {
                        socket.getInputStream().transferTo(socket.getOutputStream());
                    }
                }
            } catch (IOException e) {
                // the test closed the server
            }
        });
        thread.setDaemon(true);
        thread.start();
        return server;
    }

    private static NetworkProxy proxy(int port, NetworkShape shape) throws IOException {
        return new NetworkProxy(new InetSocketAddress(HOME, 0), new InetSocketAddress(HOME, port), shape);
    }

    @Test
    void connection_anyBytes_arriveInOrderAndNoSoonerThanTheNetworkAllows() throws Exception {
        byte[] sent = new byte[400_000];
        new SplittableRandom(3).nextBytes(sent);
        try (ServerSocket server = echo();
                NetworkProxy proxy = proxy(server.getLocalPort(), new NetworkShape(30_000_000, 2e6));
                Socket socket = new Socket(HOME, proxy.port())) {
            long start = System.nanoTime();
            Thread sender = new Thread(() -> {
                try {
                    socket.getOutputStream().write(sent);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            sender.start();
            byte[] back = socket.getInputStream().readNBytes(sent.length);
            double seconds = (System.nanoTime() - start) / 1e9;
            sender.join();
            assertThat(Arrays.equals(back, sent)).isTrue();
            // 0.2 s on each line, one behind the other, and 30 ms each way.
            assertThat(seconds).isGreaterThan(0.2 + 2 * 0.03 - 0.001);
            assertThat(proxy.bytesFromTarget()).isEqualTo(sent.length);
        }
    }

    @Test
    void carrier_timersThatChangePlaces_keepTheBytesInOrder() {
        var to = new EmbeddedChannel();
        var from = new EmbeddedChannel(new Carrier(
                to, new Line(new NetworkShape(1_000_000, 1e5)), new Tampering(to, to, new ProxyCounters()), true));
        from.freezeTime(); // the loop is late: the second piece's timer, started later, is due before the first one's
        from.writeInbound(Unpooled.wrappedBuffer(new byte[1_000]));
        long moment = System.nanoTime() + 2_000_000;
        while (System.nanoTime() - moment < 0) {
            Thread.onSpinWait();
        }
        from.writeInbound(Unpooled.wrappedBuffer(new byte[1]));
        from.advanceTimeBy(1, TimeUnit.SECONDS);
        from.runScheduledPendingTasks();
        assertThat(((ByteBuf) to.readOutbound()).readableBytes()).isEqualTo(1_000);
        assertThat(((ByteBuf) to.readOutbound()).readableBytes()).isEqualTo(1);
    }

    @Test
    void connection_targetGone_isClosed() throws Exception {
        int port;
        try (ServerSocket server = new ServerSocket(0, 1, HOME)) {
            port = server.getLocalPort();
        }
        try (NetworkProxy proxy = proxy(port, new NetworkShape(0, Double.POSITIVE_INFINITY));
                Socket socket = new Socket(HOME, proxy.port())) {
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
    }

    /** An echo, a proxy before it that costs nothing, and a connection through both that has carried a byte. */
    private static final class Echoed implements AutoCloseable {
        private final ServerSocket server = echo();
        private final NetworkProxy proxy = proxy(server.getLocalPort(), new NetworkShape(0, Double.POSITIVE_INFINITY));
        private final Socket socket = new Socket(HOME, proxy.port());

        private Echoed() throws IOException {
            socket.setSoTimeout(10_000);
            assertThat(said((byte) 1)).containsExactly(1);
        }

        /** Returns the bytes that come back of those sent. */
        private byte[] said(byte... bytes) throws IOException {
            socket.getOutputStream().write(bytes);
            return socket.getInputStream().readNBytes(bytes.length);
        }

        @Override
        public void close() throws IOException {
            socket.close();
            proxy.close();
            server.close();
        }
    }

    @Test
    void flip_nextPieceToTheTarget_changesOneBitOnce() throws Exception {
        try (Echoed echoed = new Echoed()) {
            echoed.proxy.flipNext(0.5, true);
            assertThat(echoed.said(new byte[4])).containsExactly(0, 0, 0x10, 0);
            assertThat(echoed.said(new byte[4])).containsOnly(0);
            assertThat(echoed.proxy.counts().changed()).isEqualTo(1);
        }
    }

    @Test
    void flip_stoodDown_changesNothing() throws Exception {
        try (Echoed echoed = new Echoed()) {
            echoed.proxy.flipNext(0, false);
            echoed.proxy.standDown();
            assertThat(echoed.said(new byte[2])).containsOnly(0);
            assertThat(echoed.proxy.counts().changed()).isZero();
        }
    }

    @Test
    void cut_nextPieceOfTheTarget_passesHalfOfItAndEnds() throws Exception {
        try (Echoed echoed = new Echoed()) {
            echoed.proxy.cutNext();
            assertThat(echoed.said((byte) 1, (byte) 2, (byte) 3, (byte) 4)).containsExactly(1, 2);
            assertThat(echoed.proxy.counts().cut()).isEqualTo(1);
        }
    }

    @Test
    void reset_standingConnection_isReset() throws Exception {
        try (Echoed echoed = new Echoed()) {
            echoed.proxy.reset();
            assertThatThrownBy(() -> echoed.said((byte) 2)).isInstanceOf(SocketException.class);
            await().until(() -> echoed.proxy.counts().ended() == 1);
            assertThat(echoed.proxy.counts().standing()).isZero();
        }
    }

    @Test
    void silence_standingConnection_swallowsAndNewOnesPass() throws Exception {
        try (Echoed echoed = new Echoed()) {
            echoed.proxy.silence();
            echoed.socket.getOutputStream().write(new byte[7]);
            await().until(() -> echoed.proxy.counts().swallowed() == 7);
            assertThat(echoed.proxy.counts().standing()).isEqualTo(1);
            echoed.socket.close(); // the echo serves one connection after the other, and this one never ends for it
        }
    }

    @Test
    void proxy_pausedAndResumed_keepsItsPort() throws Exception {
        try (ServerSocket server = echo();
                NetworkProxy proxy = proxy(server.getLocalPort(), new NetworkShape(0, Double.POSITIVE_INFINITY))) {
            proxy.pause();
            // The kernel closes the port once the selector has let go of it, a moment after the channel.
            await().untilAsserted(() -> assertThatThrownBy(() -> new Socket(HOME, proxy.port()).close())
                    .isInstanceOf(ConnectException.class));
            proxy.resume();
            try (Socket socket = new Socket(HOME, proxy.port())) {
                socket.getOutputStream().write(3);
                assertThat(socket.getInputStream().read()).isEqualTo(3);
            }
        }
    }

    @Test
    void proxy_retargeted_connectsToTheOther() throws Exception {
        try (ServerSocket gone = new ServerSocket(0, 1, HOME);
                ServerSocket server = echo();
                NetworkProxy proxy = proxy(gone.getLocalPort(), new NetworkShape(0, Double.POSITIVE_INFINITY))) {
            gone.close();
            proxy.retarget(new InetSocketAddress(HOME, server.getLocalPort()));
            try (Socket socket = new Socket(HOME, proxy.port())) {
                socket.getOutputStream().write(4);
                assertThat(socket.getInputStream().read()).isEqualTo(4);
            }
        }
    }

    @Test
    void line_twoMessages_leaveOneAfterTheOther() {
        Line line = new Line(new NetworkShape(5_000, 1e6));
        assertThat(line.arrival(1_000_000, 1_000)).isEqualTo(1_000_000 + 1_000_000 + 5_000);
        assertThat(line.arrival(1_000_000, 500)).isEqualTo(1_000_000 + 1_500_000 + 5_000);
        assertThat(line.arrival(9_000_000, 500)).isEqualTo(9_000_000 + 500_000 + 5_000);
    }

    @Test
    void shape_impossible_isRefused() {
        assertThatThrownBy(() -> new NetworkShape(-1, 1e6)).hasMessageContaining("(expected: 0..60000 ms)");
        assertThatThrownBy(() -> new NetworkShape(0, 0)).hasMessageContaining("(expected: 1000 or more)");
    }
}
