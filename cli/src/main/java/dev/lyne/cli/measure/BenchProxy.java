package dev.lyne.cli.measure;

import dev.lyne.cli.common.HostPort;
import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** A network in between. */
@Command(
        name = "proxy",
        description =
                "A TCP proxy with a network's delay and bandwidth, to put between students and a teacher. Prints one line"
                        + " of JSON when it listens; ends with SIGTERM.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchProxy implements Callable<Integer> {
    @Option(
            names = "--listen",
            defaultValue = "127.0.0.1:0",
            paramLabel = "HOST:PORT",
            description = "Where to listen.")
    private String listen;

    @Option(names = "--target", required = true, paramLabel = "HOST:PORT", description = "Where connections go on to.")
    private String target;

    @Option(names = "--delay-ms", defaultValue = "0", description = "Delay one way, ms (default: ${DEFAULT-VALUE}).")
    private double delayMillis;

    @Option(
            names = "--mbit",
            defaultValue = "1e9",
            description = "Bandwidth of each direction, Mbit/s (default: no limit).")
    private double mbit;

    @Override
    public Integer call() throws Exception {
        var shape = new NetworkShape((long) (delayMillis * 1e6), mbit * 1e6 / 8);
        try (var proxy =
                new NetworkProxy(HostPort.parse("--listen", listen), HostPort.parse("--target", target), shape)) {
            String host = listen.substring(0, listen.lastIndexOf(':'));
            System.out.println(JsonMapper.shared().writeValueAsString(Map.of("listening", host + ":" + proxy.port())));
            new CountDownLatch(1).await(); // a signal ends the process
        }
        return 0;
    }
}
