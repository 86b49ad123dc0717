package dev.lyne.cli.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.page.Block.Paragraph;
import dev.lyne.student.page.Page;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

final class ReportFileTest {
    @TempDir
    Path directory;

    @Command
    static final class Both {
        @Mixin
        private final ReportFile report = new ReportFile();

        @Mixin
        private final JsonReport json = new JsonReport();
    }

    private static Both parsed(String... arguments) {
        return CommandLine.populateCommand(new Both(), arguments);
    }

    @Test
    void requireWritable_figuresWhereTheDataBelongs_isRefused() {
        String page = directory.resolve("report.html").toString();
        Both clash = parsed(
                "--report",
                page,
                "--json",
                directory.resolve("x/../report.json").toString());
        assertThatThrownBy(() -> clash.report.requireWritable(clash.json))
                .hasMessage("--report: " + page
                        + " with --json report.json, where the data of the page belongs (expected: another name)");
        Both apart = parsed(
                "--report", page, "--json", directory.resolve("figures.json").toString());
        apart.report.requireWritable(apart.json);
        Both stdout = parsed("--report", page, "--json", "-");
        stdout.report.requireWritable(stdout.json);
    }

    @Test
    void requireWritable_directory_isRefused() {
        Both both = parsed("--report", directory.toString());
        assertThatThrownBy(() -> both.report.requireWritable(both.json))
                .hasMessageStartingWith("--report: " + directory + " cannot be written");
    }

    @Test
    void write_inADirectoryThatIsMissing_makesIt() throws IOException {
        Path file = directory.resolve("new/page.html");
        parsed("--report", file.toString())
                .report
                .write(new Page(
                        "t", "l", List.of(), List.of(new Page.Section("s", "", List.of(new Paragraph("words"))))));
        assertThat(file).exists();
        assertThat(directory.resolve("new/page.json")).exists();
    }
}
