package dev.lyne.cli.train;

import dev.lyne.cli.common.LinePace;
import dev.lyne.cli.common.TokenisingLines;
import dev.lyne.student.capture.Estimate;
import dev.lyne.student.capture.RecorderListener;
import dev.lyne.student.train.ProgressListener;
import java.io.PrintStream;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/** A capture's progress on stderr: a bar on a terminal, else a line every few seconds. */
final class CaptureProgress implements RecorderListener, ProgressListener, AutoCloseable {
    private final PrintStream err;
    private final boolean terminal = System.console() != null;
    private long startNanos;
    private final LinePace lines = new LinePace();
    private final TokenisingLines tokenising;
    private long windowsWanted;
    private int shardsFinished;
    private int shards;
    private @Nullable ProgressBar bar;

    CaptureProgress(PrintStream err) {
        this.err = err;
        this.tokenising = new TokenisingLines(err, System::nanoTime);
    }

    @Override
    public void onTokenise(String corpus, long doneBytes, long totalBytes) {
        tokenising.update(corpus, doneBytes, totalBytes);
    }

    @Override
    public void onNotice(String line) {
        err.println(line);
    }

    /** Returns an estimate in one line. */
    static String describe(Estimate estimate) {
        return String.format(
                "estimate: %,d windows, %,d positions, about %,d MB: %.1f bytes a position, as in %d windows that the teacher scored for it",
                estimate.windows(),
                estimate.positions(),
                Math.max(1, estimate.bytes() / 1_000_000),
                estimate.bytesPerPosition(),
                estimate.sampledWindows());
    }

    @Override
    public void onStart(Estimate estimate, long usableBytes, int finishedShards, int allShards) {
        if (finishedShards > 0) {
            err.printf("%,d of %,d shards are there already%n", finishedShards, allShards);
        }
        err.println(describe(estimate));
        if (estimate.bytes() > usableBytes) {
            err.printf(
                    "only %,d MB are free there; what is finished before the disk is full is kept%n",
                    usableBytes / 1_000_000);
        }
        shardsFinished = finishedShards;
        shards = allShards;
        windowsWanted = estimate.windows();
        startNanos = System.nanoTime();
        if (terminal) {
            bar = new ProgressBarBuilder()
                    .setTaskName("capture")
                    .setInitialMax(windowsWanted)
                    .startsFrom(0, Duration.ZERO)
                    .build();
        }
    }

    @Override
    public void onProgress(long windows, long positions, long blockBytes) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        if (bar != null) {
            bar.stepTo(windows);
            bar.setExtraMessage(String.format(" %.0f pos/s, %,d MB", positions / seconds, blockBytes / 1_000_000));
        } else if (windows == windowsWanted || lines.due()) {
            err.printf(
                    "%,d of %,d windows, %,d of %,d shards: %.0f positions/s, %,d bytes%n",
                    windows, windowsWanted, shardsFinished, shards, positions / seconds, blockBytes);
        }
    }

    @Override
    public void onShard(int finishedShards, int allShards) {
        shardsFinished = finishedShards;
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
