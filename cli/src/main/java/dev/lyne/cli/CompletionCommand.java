package dev.lyne.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A shell's completion of commands and options. */
@Command(
        name = "completion",
        description = "Prints a script that completes commands and options: source <(./lyne completion bash).",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the parameters
final class CompletionCommand implements Runnable {
    private static final String ZSH =
            "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n";

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SHELL", description = "bash or zsh.")
    private Shell shell;

    /** Shells that the script is made for. */
    enum Shell {
        BASH,
        ZSH
    }

    @Override
    public void run() {
        System.out.print((shell == Shell.ZSH ? ZSH : "")
                + AutoComplete.bash("lyne", spec.root().commandLine()).replaceAll("(?m)[ \\t]+$", ""));
    }
}
