package dev.lyne.load.process;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A teacher server in a process of its own, on ports of loopback that are free. */
public final class ServerProcess implements AutoCloseable {
    private final ChildProcess process;

    private ServerProcess(ChildProcess process) {
        this.process = process;
    }

    /**
     * Where a server answers, as HOST:PORT.
     *
     * @param http where its HTTP door is, if it has one
     */
    public record Ready(String listening, String metrics, Optional<String> http) {
        /** Returns the address that it listens on. */
        public InetSocketAddress address() {
            int colon = listening.lastIndexOf(':');
            return new InetSocketAddress(
                    listening.substring(0, colon), Integer.parseInt(listening.substring(colon + 1)));
        }
    }

    /**
     * Starts it, and does not wait until it is ready.
     *
     * @param log file that takes its stderr
     * @param teacher as {@code lyne serve} takes it
     * @param heapMib largest Java heap
     * @param options further options of {@code lyne serve}
     */
    public static ServerProcess start(Path log, String teacher, long heapMib, List<String> options) throws IOException {
        List<String> rows = new ArrayList<>(List.of("--teacher", teacher));
        rows.addAll(options);
        return start(log, heapMib, rows);
    }

    /**
     * Starts one that sends captured targets.
     *
     * @param captured directory of the capture
     */
    public static ServerProcess replay(Path log, Path captured, long heapMib) throws IOException {
        return start(log, heapMib, List.of("--replay", captured.toString()));
    }

    /** Starts one whose heap has its largest size from the beginning, every page of it touched, so that resident memory tells of the rest. */
    public static ServerProcess startTouched(Path log, String teacher, long heapMib, List<String> options)
            throws IOException {
        List<String> rows = new ArrayList<>(List.of("--teacher", teacher));
        rows.addAll(options);
        return start(log, heapMib, Map.of("JAVA_TOOL_OPTIONS", "-Xms" + heapMib + "m -XX:+AlwaysPreTouch"), rows);
    }

    private static ServerProcess start(Path log, long heapMib, List<String> rows) throws IOException {
        return start(log, heapMib, Map.of(), rows);
    }

    private static ServerProcess start(Path log, long heapMib, Map<String, String> environment, List<String> rows)
            throws IOException {
        List<String> arguments =
                new ArrayList<>(List.of("serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"));
        arguments.addAll(rows);
        return new ServerProcess(
                ChildProcess.start("the teacher server", log, 2, heapMib + "m", environment, arguments));
    }

    /** Waits until the teacher is warm. To be called once. */
    public Ready awaitReady() throws IOException {
        JsonNode line = JsonMapper.shared().readTree(process.readLine());
        return new Ready(
                line.get("listening").asString(),
                line.get("metrics").asString(),
                Optional.ofNullable(line.get("http")).map(JsonNode::asString));
    }

    /** Waits for its end, so long at most, and gives its exit code. */
    public int awaitEnd(double seconds) throws IOException, InterruptedException {
        return process.awaitEnd(seconds);
    }

    /** Returns whether the process has not ended. */
    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** Sends a signal by name: STOP, CONT, KILL, TERM. */
    public void signal(String signal) throws IOException, InterruptedException {
        process.signal(signal);
    }

    @Override
    public void close() {
        process.close();
    }
}
