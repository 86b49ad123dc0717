package dev.lyne.cli.measure;

import picocli.CommandLine.Option;

/** Size of a benchmark of the server: how much it asks for. */
final class BenchSize {
    @Option(names = "--top-k", defaultValue = "64", description = "Entries a row (default: ${DEFAULT-VALUE}).")
    int k;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
    int tokens;

    @Option(
            names = "--sequences",
            defaultValue = "16",
            description = "Sequences a student and round (default: ${DEFAULT-VALUE}).")
    int sequences;

    @Option(names = "--rounds", defaultValue = "12", description = "Pairs of rounds (default: ${DEFAULT-VALUE}).")
    int rounds;
}
