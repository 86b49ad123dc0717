package dev.lyne.cli.serve;

import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.student.train.SettingsFile;
import dev.lyne.teacher.server.TeacherEntry;
import dev.lyne.wire.access.WatchedFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Model.CommandSpec;

/** The file of {@code serve --config} where it lists teachers: read at the start, and again as it changes. */
final class TeachersFile {
    /** The list's key. */
    static final String KEY = "teachers";

    private static final Logger LOG = LoggerFactory.getLogger(TeachersFile.class);

    private final Path file;
    private final CommandSpec server;
    private final ModelRuntimeOptions runtime;
    private final int encodeThreads;
    private final Map<String, List<String>> first;

    /** @param server the options as they were parsed, which entries have where they say nothing */
    TeachersFile(Path file, CommandSpec server, ModelRuntimeOptions runtime, int encodeThreads) throws IOException {
        this.file = file;
        this.server = server;
        this.runtime = runtime;
        this.encodeThreads = encodeThreads;
        this.first = values();
    }

    private Map<String, List<String>> values() throws IOException {
        return SettingsFile.read(file, ServeCommand.fileKeys(server));
    }

    /** Returns whether the file lists any teachers. */
    boolean lists() {
        return first.containsKey(KEY);
    }

    /** Returns the file's teachers, now and as they change. */
    WatchedFiles<List<TeacherEntry>> watched() throws IOException {
        return WatchedFiles.open(List.of(file), this::read);
    }

    private List<TeacherEntry> read() throws IOException {
        Map<String, List<String>> values = values();
        List<TeacherEntry> entries = new ArrayList<>();
        for (String text : values.getOrDefault(KEY, List.of())) {
            String where = file + ": " + KEY + ": entry " + (entries.size() + 1);
            try {
                entries.add(TeacherEntryOptions.entry(
                        SettingsFile.entry(where, text, TeacherEntryOptions.keys()), server, runtime, encodeThreads));
            } catch (IllegalArgumentException e) {
                String message = String.valueOf(e.getMessage());
                throw new IllegalArgumentException(message.startsWith(where) ? message : where + ": " + message, e);
            }
        }
        tellOthers(values);
        return entries;
    }

    /** Says which other keys have changed, to no effect. */
    private void tellOthers(Map<String, List<String>> values) {
        TreeSet<String> changed = new TreeSet<>();
        Map<String, List<String>> all = new LinkedHashMap<>(first);
        all.putAll(values);
        all.remove(KEY);
        for (String key : all.keySet()) {
            if (!first.getOrDefault(key, List.of()).equals(values.getOrDefault(key, List.of()))) {
                changed.add(key);
            }
        }
        if (!changed.isEmpty()) {
            LOG.warn("{}: {} changed (expected: {} alone); it takes effect with the next start", file, changed, KEY);
        }
    }
}
