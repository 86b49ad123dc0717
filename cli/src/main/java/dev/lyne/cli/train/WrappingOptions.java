package dev.lyne.cli.train;

import dev.lyne.lm.tokenizer.TokenChoice;
import picocli.CommandLine.Option;

/** The options that say which tokens stand around a document. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class WrappingOptions {
    @Option(
            names = "--bos",
            defaultValue = "auto",
            paramLabel = "auto|none|ID",
            description = "Token before each document (default: auto, as the tokenizer says).")
    private String bos;

    @Option(
            names = "--eos",
            defaultValue = "auto",
            paramLabel = "auto|none|ID",
            description = "Token after each document (default: auto, as the tokenizer says).")
    private String eos;

    TokenChoice bos() {
        return TokenChoice.parse("--bos", bos);
    }

    TokenChoice eos() {
        return TokenChoice.parse("--eos", eos);
    }
}
