package dev.lyne.load.study;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerProcess;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** The study's teacher as a server, which is started when it is first asked for and again where it has ended. Safe for several threads. */
public final class StudyServer implements AutoCloseable {
    private static final long HEAP_MIB = 1_024;

    private final Study study;
    private final StudyDirectory directory;

    @GuardedBy("this")
    private Optional<Running> running = Optional.empty();

    private record Running(ServerProcess process, String address) {}

    public StudyServer(Study study, StudyDirectory directory) {
        this.study = study;
        this.directory = directory;
    }

    /** Returns the address at which it answers, as HOST:PORT. */
    public synchronized String address() throws IOException {
        if (running.isPresent() && !running.get().process().isAlive()) {
            close();
        }
        if (running.isEmpty()) {
            ServerProcess process = ServerProcess.start(
                    directory.root().resolve("server.log"),
                    Home.teacher(study.teacher().isEmpty() ? "demo" : study.teacher())
                            .toString(),
                    HEAP_MIB,
                    List.of());
            try {
                running = Optional.of(new Running(process, process.awaitReady().listening()));
            } catch (IOException | RuntimeException e) {
                process.close();
                throw e;
            }
        }
        return running.get().address();
    }

    @Override
    public synchronized void close() {
        running.ifPresent(server -> server.process().close());
        running = Optional.empty();
    }
}
