package dev.lyne.cli.common;

import dev.lyne.student.page.Page;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The {@code --report FILE} option: a page for people, and its data as JSON beside it. */
public final class ReportFile {
    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Write a page for people, with curves, to FILE, and its data beside it (.json for .html).")
    private @Nullable Path file;

    /** Whether a page is asked for. */
    public boolean isAsked() {
        return file != null;
    }

    /** Refuses a page that cannot be written, or whose data would be written over the figures of {@code --json}. */
    public void requireWritable(JsonReport figures) {
        if (file == null) {
            return;
        }
        JsonReport.requireWritable("--report", file);
        Path data = Page.dataOf(file).toAbsolutePath().normalize();
        JsonReport.requireWritable("--report", data);
        if (figures.isWrittenTo(data)) {
            throw new IllegalArgumentException("--report: " + file + " with --json " + data.getFileName()
                    + ", where the data of the page belongs (expected: another name)");
        }
    }

    /** Writes the page, where the option asks for it. */
    public void write(Page page) throws IOException {
        if (file == null) {
            return;
        }
        Path whole = file.toAbsolutePath();
        Files.createDirectories(whole.getParent());
        page.write(whole);
    }

    @Override
    public String toString() {
        return String.valueOf(file);
    }
}
