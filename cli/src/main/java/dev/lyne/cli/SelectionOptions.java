package dev.lyne.cli;

import dev.lyne.wire.Selection;
import java.util.List;
import picocli.CommandLine.Option;

/** The options that say which entries of a row are asked for. */
final class SelectionOptions {
    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "64",
            description = "Most entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description =
                    "Keep the smallest prefix whose probability reaches P, at most K entries (default: 1, exactly K).")
    private double p;

    Selection selection() {
        return p == 1 ? new Selection.TopK(k, List.of()) : new Selection.TopPK(p, k, 1f, List.of());
    }
}
