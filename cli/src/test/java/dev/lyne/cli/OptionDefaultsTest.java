package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.cli.train.SettingOptions;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.train.TrainingConfig;
import java.io.IOException;
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

/** Defaults of options: a command does what a variable or a file says, unless a flag says otherwise. */
final class OptionDefaultsTest {
    @TempDir
    private Path directory;

    private static CommandLine.ParseResult parse(String line, Map<String, String> environment) throws IOException {
        CommandLine lyne = Lyne.commandLine();
        List<String> arguments = Arrays.asList(line.split(" "));
        Lyne.readDefaults(lyne, arguments, environment);
        return lyne.parseArgs(arguments.toArray(String[]::new)).subcommand();
    }

    private static String value(String line, Map<String, String> environment, String option) throws IOException {
        return String.valueOf((Object)
                parse(line, environment).commandSpec().findOption(option).getValue());
    }

    @ParameterizedTest
    @CsvSource({
        "train,LYNE_RECIPE=taid,--recipe,taid",
        "train,LYNE_RESUME=true,--resume,true",
        "train --resume,LYNE_RESUME=true,--resume,true",
        "train,LYNE_CONFIG=/dev/null,--config,/dev/null",
        "pretrain --config /dev/null,LYNE_CONFIG=run.yaml,--config,/dev/null",
        "pretrain --config=/dev/null,LYNE_CONFIG=run.yaml,--config,/dev/null",
        "train --help,LYNE_CONFIG=run.yaml,--config,run.yaml",
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
            String line, String variable, String option, String expected) throws IOException {
        String[] parts = variable.split("=");
        assertThat(value(line, Map.of(parts[0], parts[1]), option)).isEqualTo(expected);
    }

    /** No option of any command is known as a variable and then not asked for. */
    @Test
    void variables_ofEveryOptionOfEveryCommand_areAskedFor() throws IOException {
        Set<String> unread = new TreeSet<>();
        CommandLine lyne = Lyne.commandLine();
        Lyne.readDefaults(lyne, List.of("serve"), new Everything());
        check(lyne, unread);
        assertThat(unread).isEmpty();
    }

    private static void check(CommandLine command, Set<String> unread) {
        for (OptionSpec option : command.getCommandSpec().options()) {
            String key = OptionDefaults.key(option.longestName());
            try {
                if (command.getDefaultValueProvider().defaultValue(option) == null
                        && !OptionDefaults.NO_VARIABLES.contains(key)
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
    void serve_unknownKeyOfTheFile_namesTheNearest() throws IOException {
        Path file = Files.writeString(directory.resolve("serve.yaml"), "teacher: demo\nbatch_token: 4\n");
        assertThatThrownBy(() -> parse("serve --config " + file, Map.of()))
                .hasMessage(file + ": unknown key batch_token (expected: batch_tokens?)");
        Path other = Files.writeString(directory.resolve("other.yaml"), "config: serve.yaml\n");
        assertThatThrownBy(() -> parse("serve --config " + other, Map.of()))
                .hasMessageStartingWith(other + ": unknown key config (expected: ");
        Path list = Files.writeString(directory.resolve("list.yaml"), "teacher: [a, b]\n");
        assertThatThrownBy(() -> parse("serve --config " + list, Map.of()))
                .hasMessage(list + ": teacher: a list (expected: a value)");
    }

    @Test
    void serve_environmentAndFlag_takeThePlaceOfTheFile() throws IOException {
        Path file = Files.writeString(
                directory.resolve("serve.yaml"), "batch_tokens: 11\ncache_mib: 12\nthreads: 13\nprecision: float16\n");
        String line = "serve --teacher demo --config " + file + " --threads 3";
        Map<String, String> environment = Map.of("LYNE_CACHE_MIB", "22", "LYNE_THREADS", "23");
        assertThat(value(line, environment, "--batch-tokens")).isEqualTo("11");
        assertThat(value(line, environment, "--cache-mib")).isEqualTo("22");
        assertThat(value(line, environment, "--threads")).isEqualTo("3");
        assertThat(value(line, environment, "--precision")).isEqualTo("float16");
        assertThat(value(line, environment, "--drain-seconds")).isEqualTo("30");
    }

    private static TrainingConfig run(String line, Map<String, String> environment) throws IOException {
        return TrainingConfig.of(SettingOptions.collect(parse(line, environment).commandSpec()));
    }

    @Test
    void train_recipeFileEnvironmentAndFlags_theLaterWins() throws IOException {
        Path file = Files.writeString(
                directory.resolve("run.yaml"),
                "out: a\nstudent: s\ncorpus: [x.txt, y.txt]\nteacher: 'localhost:1'\nbatch: 4\nsteps: 7\nlearning_rate: 0.5\n"
                        + "loss_parameter: 0.2\ntop_k: 32\n");
        TrainingConfig run = run(
                "train --recipe gkd_off_policy --config " + file + " --batch 6 --top-k 16",
                Map.of("LYNE_STEPS", "8", "LYNE_BATCH", "5", "LYNE_HOME", "elsewhere", "PATH", "p"));
        assertThat(run.data().corpus()).containsExactly(Path.of("x.txt"), Path.of("y.txt"));
        assertThat(run.data().batch()).isEqualTo(6);
        assertThat(run.run().length().steps()).isEqualTo(8);
        assertThat(run.optimization().learningRate()).isEqualTo(0.5);
        assertThat(run.data().cache()).isEqualTo(Path.of("a", "tokens"));
        assertThat(run.distillation().loss().loss()).isEqualTo(BuiltInLoss.JSD);
        assertThat(run.distillation().loss().parameter()).hasValue(0.2);
        assertThat(run.distillation().selection()).isEqualTo(new Selection.TopK(16, List.of()));
        assertThat(run.distillation().alpha()).isEqualTo(1);
    }

    @Test
    void train_listsOfFileVariableAndFlag_keepTheirElements() throws IOException {
        Path file = Files.writeString(
                directory.resolve("run.yaml"), "out: a\nstudent: s\ncorpus: ['x,1.txt', y.txt]\nheld_out: 'z,1.txt'\n");
        String line = "train --config " + file;
        TrainingConfig ofFile = run(line, Map.of());
        assertThat(ofFile.data().corpus()).containsExactly(Path.of("x,1.txt"), Path.of("y.txt"));
        assertThat(ofFile.data().heldOut().files()).containsExactly(Path.of("z,1.txt"));
        Map<String, String> environment = Map.of("LYNE_CORPUS", "a.txt,b.txt");
        assertThat(run(line, environment).data().corpus()).containsExactly(Path.of("a.txt"), Path.of("b.txt"));
        assertThat(run(line + " --corpus c.txt,d.txt --corpus e.txt", environment)
                        .data()
                        .corpus())
                .containsExactly(Path.of("c.txt"), Path.of("d.txt"), Path.of("e.txt"));
    }

    @Test
    void train_switch_isOnByNameAlone() throws IOException {
        Path file = Files.writeString(directory.resolve("run.yaml"), "out: a\nstudent: s\ncorpus: c\n");
        String line = "train --config " + file;
        assertThat(run(line, Map.of()).data().skipInvalid()).isFalse();
        assertThat(run(line + " --skip-invalid", Map.of()).data().skipInvalid()).isTrue();
        assertThat(run(line + " --skip-invalid=false", Map.of("LYNE_SKIP_INVALID", "true"))
                        .data()
                        .skipInvalid())
                .isFalse();
    }

    @Test
    void train_variableOfAnotherPartNearAShortName_isNotTakenForIt() throws IOException {
        Path file = Files.writeString(directory.resolve("run.yaml"), "out: a\nstudent: s\ncorpus: c\n");
        Map<String, String> environment = Map.of("LYNE_TOOLS", "folder", "LYNE_TLS_CA", "ca.pem", "LYNE_TLS_CERT", "x");
        Map<String, String> settings =
                run("train --config " + file, environment).settings();
        assertThat(settings).containsEntry("tls", "false").containsEntry("tls_ca", "ca.pem");
    }

    /** A capture has the settings of the run that it is for, also those that it has no option of. */
    @Test
    void capture_fileOfARun_isReadWhole() throws IOException {
        Path file = Files.writeString(
                directory.resolve("run.yaml"),
                "out: a\nstudent: s\ncorpus: c\nteacher: 'localhost:1'\nalpha: 0.5\nloss: slim\nslim_ratio: student_over_teacher\n");
        TrainingConfig run = run("capture --config " + file, Map.of("LYNE_LEARNING_RATE", "0.25"));
        assertThat(run.settings()).containsEntry("slim_ratio", "student_over_teacher");
        assertThat(run.optimization().learningRate()).isEqualTo(0.25);
        Path wrong = Files.writeString(directory.resolve("wrong.yaml"), "learning_rat: 1\n");
        assertThatThrownBy(() -> parse("capture --config " + wrong, Map.of()))
                .hasMessage(wrong + ": unknown key learning_rat (expected: learning_rate?)");
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
