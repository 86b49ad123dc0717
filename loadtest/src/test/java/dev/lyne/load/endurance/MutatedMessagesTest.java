package dev.lyne.load.endurance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MutatedMessagesTest {
    @Test
    void calls_withMutatedMessages_endWithReasonsAndLeaveNothing() throws Exception {
        var teacher = new SyntheticTeacher("teacher", new SyntheticSettings(500, 64, 0, 1, 1), true);
        try (TeacherServer server = TeacherServer.start(
                List.of(teacher),
                TeacherServerOptions.builder()
                        .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .drainTimeout(Duration.ofSeconds(1))
                        .build())) {
            ManagedChannel channel = TeacherDialer.open(TeacherSecurity.LOOPBACK)
                    .channel("127.0.0.1:" + server.port())
                    .build();
            try {
                MutatedMessages.Sent sent = new MutatedMessages(1).send(channel, 3_000);
                assertThat(sent.messages()).isGreaterThanOrEqualTo(3_000);
                assertThat(sent.ends().keySet())
                        .contains(Status.Code.INVALID_ARGUMENT, Status.Code.OK)
                        .doesNotContain(Status.Code.INTERNAL, Status.Code.UNKNOWN);
                for (int frames = 0; frames < 400; ) {
                    frames += new Abuse(frames)
                            .frames(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
                }
            } finally {
                channel.shutdownNow();
            }
            await().until(() ->
                    server.registry().get("lyne.teacher.streams").gauge().value() == 0);
        }
    }
}
