package dev.lyne.load.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Directories that a command makes for itself. */
public final class Directories {
    private Directories() {}

    /** Refuses what stands where a directory is to be and is none. */
    public static void requirePlace(String option, Path directory) {
        if (directory.toString().isEmpty() || (Files.exists(directory) && !Files.isDirectory(directory))) {
            throw new IllegalArgumentException(option + ": "
                    + (directory.toString().isEmpty() ? "empty" : directory + " is a file")
                    + " (expected: a directory, or a place for one)");
        }
    }

    /** Deletes a directory and everything in it. */
    public static void delete(Path directory) throws IOException {
        List<Path> paths;
        try (Stream<Path> tree = Files.walk(directory)) {
            paths = tree.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : paths) {
            Files.delete(path);
        }
    }
}
