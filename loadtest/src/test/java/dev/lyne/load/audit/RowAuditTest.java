package dev.lyne.load.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RowAuditTest {
    /** Says that it is one teacher, and answers as another: rows that hold together, and are wrong. */
    private record Liar(LocalModel said, LocalModel answering) implements LocalModel {
        @Override
        public TeacherDescription description() {
            return said.description();
        }

        @Override
        public void warmUp() {
            said.warmUp();
        }

        @Override
        public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
            return answering.score(items, content);
        }

        @Override
        public void close() {
            said.close();
            answering.close();
        }
    }

    private static LocalModel teacher(long seed) {
        return new SyntheticTeacher("synthetic", new SyntheticSettings(500, 64, 0, 1, seed), true);
    }

    private static TeacherServer serve(LocalModel model) throws Exception {
        return TeacherServer.start(
                List.of(model),
                TeacherServerOptions.builder()
                        .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .drainTimeout(Duration.ofSeconds(1))
                        .build());
    }

    private static NetworkProxy proxy(TeacherServer server) throws IOException {
        return new NetworkProxy(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()),
                new NetworkShape(0, Double.POSITIVE_INFINITY));
    }

    private static String address(int port) {
        return "127.0.0.1:" + port;
    }

    @Test
    void rows_ofAServerThatLies_areCounted() throws Exception {
        try (TeacherServer honest = serve(teacher(1));
                TeacherServer liar = serve(new Liar(teacher(1), teacher(2)));
                RowAudit audit = RowAudit.begin(List.of(address(honest.port())), List.of(address(liar.port())))) {
            await().until(() -> audit.counts().rows() > 40);
            assertThat(audit.counts().wrongRows()).isPositive();
        }
    }

    @Test
    void rows_thatANetworkDamages_areRefusedAndAskedForAgain() throws Exception {
        try (TeacherServer honest = serve(teacher(1));
                NetworkProxy proxy = proxy(honest);
                RowAudit audit = RowAudit.begin(List.of(address(honest.port())), List.of(address(proxy.port())))) {
            await().until(() -> audit.counts().rows() > 0);
            for (int damaged = 0; damaged < 5; damaged++) {
                long before = audit.counts().rows();
                proxy.flipNext(0.4 + 0.1 * damaged, false); // mostly within blocks of rows
                int wanted = damaged;
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> proxy.counts().changed() > wanted
                                && audit.counts().rows() > before + 60);
            }
            assertThat(audit.counts().wrongRows()).isZero();
        }
    }

    /** A cable that is pulled ends no connection: the client gives it up long before the operating system or a keep-alive would. */
    @Test
    void rows_ofAConnectionThatFellSilent_comeOnAnother() throws Exception {
        try (TeacherServer honest = serve(teacher(1));
                NetworkProxy proxy = proxy(honest);
                RowAudit audit = RowAudit.begin(List.of(address(honest.port())), List.of(address(proxy.port())))) {
            await().until(() -> audit.counts().rows() > 0);
            proxy.silence();
            await().until(() -> proxy.counts().swallowed() > 0);
            long before = audit.counts().rows();
            await().atMost(Duration.ofSeconds(50)).until(() -> audit.counts().rows() > before + 100);
            assertThat(audit.counts().wrongRows()).isZero();
        }
    }

    @Test
    void servers_thatDoNotAgree_areNoMeasure() throws Exception {
        try (TeacherServer one = serve(teacher(1));
                TeacherServer other = serve(new Liar(teacher(1), teacher(2)))) {
            List<String> both = List.of(address(one.port()), address(other.port()));
            assertThatThrownBy(() -> RowAudit.begin(both, both).close()).hasMessageContaining("differ (expected:");
        }
    }
}
