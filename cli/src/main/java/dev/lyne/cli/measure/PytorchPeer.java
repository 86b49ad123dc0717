package dev.lyne.cli.measure;

import picocli.CommandLine.Option;

/** The options that name a peer in PyTorch. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class PytorchPeer {
    @Option(
            names = "--against",
            paramLabel = "PEER",
            defaultValue = "pytorch",
            description = "pytorch, the only peer there is (default: ${DEFAULT-VALUE}).")
    String name;

    @Option(
            names = "--peer-python",
            paramLabel = "FILE",
            defaultValue = "python3",
            description = "A Python that can import torch and transformers, or its virtual environment"
                    + " (default: ${DEFAULT-VALUE}).")
    String python;
}
