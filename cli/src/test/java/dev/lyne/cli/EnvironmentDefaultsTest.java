package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.cli.common.EnvironmentDefaults;
import dev.lyne.cli.train.SettingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** What a variable says is what a command does, unless a flag says otherwise. */
final class EnvironmentDefaultsTest {
    @TempDir
    private Path directory;

    private static CommandLine.ParseResult parse(String line, Map<String, String> environment) {
        CommandLine lyne = Lyne.commandLine();
        List<String> arguments = Arrays.asList(line.split(" "));
        Lyne.readDefaults(lyne, arguments, environment);
        return lyne.parseArgs(arguments.toArray(String[]::new)).subcommand();
    }

    private static String value(String line, Map<String, String> environment, String option) {
        return String.valueOf((Object)
                parse(line, environment).commandSpec().findOption(option).getValue());
    }

    @ParameterizedTest
    @CsvSource({
        "train,LYNE_RECIPE=taid,--recipe,taid",
        "train,LYNE_RESUME=true,--resume,true",
        "train --resume,LYNE_RESUME=true,--resume,true",
        "train,LYNE_CONFIG=run.yaml,--config,run.yaml",
        "pretrain --config a.yaml,LYNE_CONFIG=run.yaml,--config,a.yaml",
        "capture,LYNE_WRITERS=7,--writers,7",
        "evaluate --model m --corpus c,LYNE_CONTEXT=32,--context,32",
        "evaluate --model m --corpus c,LYNE_EOS=none,--eos,none",
        "evaluate --corpus c,LYNE_MODEL=m,--model,m",
        "evaluate --model m --corpus c --context 9,LYNE_CONTEXT=32,--context,9",
        "evaluate --model m --corpus c,LYNE_RETRY_SECONDS=3,--retry-seconds,3.0",
        "score text,LYNE_TEACHER=host:1,--teacher,host:1",
        "score --teacher a:1 text,LYNE_RETRY_SECONDS=3,--retry-seconds,3.0",
        "score --teacher a:1 text,LYNE_TLS_CA=ca.pem,--tls-ca,ca.pem",
        "health --tls,LYNE_TLS=true,--tls,true",
        "health --tls=false,LYNE_TLS=true,--tls,false",
        "serve --insecure,LYNE_INSECURE=true,--insecure,true",
    })
    void variable_ofAnOptionOfTheCommand_isHeededUnderTheFlag(
            String line, String variable, String option, String expected) {
        String[] parts = variable.split("=");
        assertThat(value(line, Map.of(parts[0], parts[1]), option)).isEqualTo(expected);
    }

    /** No option of any command is known as a variable and then not asked for. */
    @Test
    void variables_ofEveryOptionOfEveryCommand_areAskedFor() {
        Set<String> unread = new TreeSet<>();
        CommandLine lyne = Lyne.commandLine();
        Lyne.readDefaults(lyne, List.of("serve"), new Everything());
        check(lyne, unread);
        assertThat(unread).isEmpty();
    }

    private static void check(CommandLine command, Set<String> unread) {
        boolean readsSettings = Set.of("train", "pretrain", "capture").contains(command.getCommandName())
                && command.getParent().getParent() == null;
        for (OptionSpec option : command.getCommandSpec().options()) {
            String key = EnvironmentDefaults.key(option.longestName());
            try {
                if (command.getDefaultValueProvider().defaultValue(option) == null
                        && !EnvironmentDefaults.NO_VARIABLES.contains(key)
                        && !(readsSettings && SettingOptions.keys().contains(key))
                        && !key.equals("config")) { // a test of its own
                    unread.add(command.getCommandName() + " " + key);
                }
            } catch (Exception e) {
                unread.add(key + ": " + e);
            }
        }
        command.getSubcommands().values().forEach(subcommand -> check(subcommand, unread));
    }

    /** An environment in which every variable but that of a file has a value. */
    private static final class Everything extends java.util.HashMap<String, String> {
        private static final long serialVersionUID = 1;

        @Override
        public @Nullable String get(Object name) {
            return name.equals("LYNE_CONFIG") ? null : "1";
        }
    }

    @Test
    void serve_fileThatAVariableNames_isReadUnlessAFlagNamesAnother() throws Exception {
        Path file = Files.writeString(directory.resolve("a.yaml"), "batch_tokens: 11\ninsecure: true\n");
        Path other = Files.writeString(directory.resolve("b.yaml"), "batch_tokens: 12\n");
        Map<String, String> environment = Map.of("LYNE_CONFIG", file.toString());
        assertThat(value("serve", environment, "--batch-tokens")).isEqualTo("11");
        assertThat(value("serve --insecure", environment, "--insecure")).isEqualTo("true");
        assertThat(value("serve --config " + other, environment, "--batch-tokens"))
                .isEqualTo("12");
    }

    @Test
    void requireKnown_whatOnlyACommandLineHas_isRefusedByName() {
        assertThatThrownBy(() -> EnvironmentNames.requireKnown(Map.of("LYNE_HELP", "true"), Lyne.commandLine()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("environment: LYNE_HELP stands for no option (expected: --help on the command line)");
    }

    @Test
    void score_withoutOneSource_isRefused() {
        assertThat(run("score", "text")).contains("--teacher: none, --targets: none (expected: one of them)");
        assertThat(run("score", "--teacher", "a:1", "--targets", "d", "text"))
                .contains("--teacher: a:1, --targets: d (expected: one of them)");
    }

    private static String run(String... arguments) {
        var err = new java.io.StringWriter();
        assertThat(Lyne.commandLine().setErr(new java.io.PrintWriter(err, true)).execute(arguments))
                .isEqualTo(2);
        return err.toString();
    }
}
