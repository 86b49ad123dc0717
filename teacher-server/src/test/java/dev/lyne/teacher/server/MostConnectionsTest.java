package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.FakeTeacher;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Connections beyond the bound are closed as they come; room that is given back is there for the next. */
final class MostConnectionsTest {
    /** Whether the server speaks first, as HTTP/2 has it, rather than hanging up. */
    private static boolean isServed(Socket socket) throws IOException {
        socket.setSoTimeout(30_000);
        return socket.getInputStream().read() >= 0;
    }

    private static Socket connect(ServerFixture fixture) throws IOException {
        Socket socket = new Socket("127.0.0.1", fixture.server.port());
        socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        socket.getOutputStream().write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0}); // empty settings
        return socket;
    }

    private static boolean triesAndIsServed(ServerFixture fixture) {
        try (Socket socket = connect(fixture)) {
            return isServed(socket);
        } catch (IOException e) {
            return false; // reset
        }
    }

    @Test
    void connectionsBeyondTheBound_areClosed() throws Exception {
        try (ServerFixture fixture = new ServerFixture(
                        new FakeTeacher("fake", 1_000, 64),
                        options -> options.limits(ServerLimits.DEFAULT.withServer(16 << 20, 256, 2)));
                Socket first = connect(fixture)) {
            assertThat(isServed(first)).isTrue();
            try (Socket second = connect(fixture)) {
                assertThat(isServed(second)).isTrue();
                assertThat(triesAndIsServed(fixture)).isFalse();
                assertThat(isServed(first)).as("those that are open stay").isTrue();
            }
            await().until(() -> triesAndIsServed(fixture));
        }
    }
}
