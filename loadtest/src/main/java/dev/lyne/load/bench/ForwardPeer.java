package dev.lyne.load.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Another implementation's forward in a process of its own. */
final class ForwardPeer implements AutoCloseable {
    /** Implementations that there is a script for. */
    enum Kind {
        /** PyTorch by `transformers`, the faster of its attentions. */
        TRANSFORMERS,
        /** vLLM's engine, without HTTP. */
        VLLM;

        /** As it is spelt on a command line. */
        String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The kind of that name. */
        static Kind of(String name) {
            for (Kind kind : values()) {
                if (kind.text().equals(name)) {
                    return kind;
                }
            }
            throw new IllegalArgumentException("--against: " + name + " (expected: transformers or vllm)");
        }

        /** Entries of a row that it is asked for. With them, vLLM's time is that of making Python objects, so it is asked for the label alone. */
        int k() {
            return this == TRANSFORMERS ? ForwardComparison.K : 0;
        }
    }

    /**
     * What a peer computes.
     *
     * @param device as PyTorch names it
     * @param precision as PyTorch names it
     */
    record Job(Path model, String device, String precision, int threads, List<int[]> ids) {}

    private final PeerProcess process;

    private ForwardPeer(PeerProcess process) {
        this.process = process;
    }

    /**
     * Starts it, loads the model and warms it up.
     *
     * @param python an interpreter that can import the peer, or the folder of its virtual environment
     * @throws IOException if there is no such peer
     */
    static ForwardPeer start(Kind kind, String python, Job job, Path scratch) throws IOException {
        return new ForwardPeer(PeerProcess.start(
                kind.text(),
                new PeerProcess.Start(python, job.threads(), Map.of(), scratch),
                Map.of(
                        "model", job.model().toString(),
                        "device", job.device(),
                        "precision", job.precision(),
                        "threads", job.threads(),
                        "k", kind.k(),
                        "ids", job.ids())));
    }

    /** Who it is, with the version of what it stands on. */
    String version() {
        return process.ready().path("version").asString("");
    }

    /** The attention that was the faster one. */
    String attention() {
        return process.ready().path("attention").asString("");
    }

    /** Seconds of one forward with its selection. */
    double seconds() throws IOException {
        return process.seconds();
    }

    @Override
    public void close() {
        process.close();
    }
}
