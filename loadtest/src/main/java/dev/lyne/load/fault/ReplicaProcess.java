package dev.lyne.load.fault;

import dev.lyne.load.process.ServerFigures;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A server process behind a proxy, under an address that stays while the server comes and goes, as a service's name does. One thread uses
 * it.
 */
final class ReplicaProcess implements AutoCloseable {
    /** A network that costs nothing. */
    static final NetworkShape FREE = new NetworkShape(0, Double.POSITIVE_INFINITY);

    /** Starts a server, whose log has that number. */
    interface Launcher {
        ServerProcess launch(int life) throws IOException;
    }

    private final Launcher launcher;
    private ServerProcess server;
    private int lives = 1;
    private @Nullable NetworkProxy proxy;
    private CompletableFuture<ServerProcess.Ready> ready;

    ReplicaProcess(Launcher launcher) throws IOException {
        this.launcher = launcher;
        this.server = launcher.launch(lives);
        this.ready = await(server);
    }

    private static CompletableFuture<ServerProcess.Ready> await(ServerProcess server) {
        CompletableFuture<ServerProcess.Ready> ready = new CompletableFuture<>();
        Thread waiting = new Thread(
                () -> {
                    try {
                        ready.complete(server.awaitReady());
                    } catch (IOException | RuntimeException e) {
                        ready.completeExceptionally(e);
                    }
                },
                "await-server");
        waiting.setDaemon(true);
        waiting.start();
        return ready;
    }

    /** Waits until it serves for the first time, and puts the proxy before it. */
    void open() throws IOException {
        proxy = new NetworkProxy(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                ready.join().address(),
                FREE);
    }

    NetworkProxy proxy() {
        return Objects.requireNonNull(proxy);
    }

    /** Returns the address at which students find it, whatever becomes of the server. */
    String address() {
        return "127.0.0.1:" + proxy().port();
    }

    /** Returns the address that the server itself listens on. */
    String direct() {
        return ready.join().listening();
    }

    /** Returns the address of its metrics, once it is warm. */
    String metrics() {
        return ready.join().metrics();
    }

    long pid() {
        return server.pid();
    }

    /** Whether its process is there and has been ready. */
    boolean isUp() {
        return server.isAlive() && ready.isDone() && !ready.isCompletedExceptionally();
    }

    /** Returns whether the replica says that it serves. */
    boolean serves() throws InterruptedException {
        return isUp() && ServerFigures.serves(metrics());
    }

    /** Sends a signal by name: STOP, CONT, KILL, TERM. */
    void signal(String signal) throws IOException, InterruptedException {
        server.signal(signal);
    }

    /** Waits for the end of its process, so long at most, and gives its exit code. */
    int awaitEnd(double seconds) throws IOException, InterruptedException {
        return server.awaitEnd(seconds);
    }

    /** Starts a server in the place of one that has ended; connections come to it once it is ready. */
    void revive() throws IOException {
        server.close();
        server = launcher.launch(++lives);
        ready = await(server);
        NetworkProxy before = proxy();
        var unused = ready.thenAccept(now -> before.retarget(now.address()));
    }

    /** Waits until it serves again. */
    void awaitReady() {
        var unused = ready.join();
    }

    @Override
    public void close() {
        server.close();
        if (proxy != null) {
            proxy.close();
        }
    }
}
