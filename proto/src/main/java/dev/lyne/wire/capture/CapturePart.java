package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A run of several that make a capture between them, none of which knows of the others: part i of N makes shards i, i +
 * N, i + 2N and on, in a directory of its own, with a lock of its own. Where a shard begins and ends does not depend on
 * N.
 *
 * @param number of the part, 0..count − 1
 * @param count parts in all
 */
public record CapturePart(int number, int count) {
    /** A capture in one piece. */
    public static final CapturePart WHOLE = new CapturePart(0, 1);

    private static final Pattern TEXT = Pattern.compile("(\\d{1,8})/(\\d{1,8})");
    private static final Pattern NAME = Pattern.compile("part-(\\d{1,8})-of-(\\d{1,8})");

    public CapturePart {
        if (count < 1 || number < 0 || number >= count) {
            throw refused(number + "/" + count);
        }
    }

    /**
     * The part that a text such as {@code 3/16} names.
     *
     * @throws IllegalArgumentException where it names none
     */
    public static CapturePart parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            throw refused(text);
        }
        return new CapturePart(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
    }

    private static IllegalArgumentException refused(String found) {
        return new IllegalArgumentException("part: " + found + " (expected: I/N, with I from 0 to N - 1)");
    }

    /** Whether this part makes that shard. */
    public boolean makes(int shard) {
        return shard % count == number;
    }

    /** Windows of the shards that this part makes. */
    public long windows(CaptureManifest planned) {
        return IntStream.range(0, planned.shardCount())
                .filter(this::makes)
                .mapToLong(shard -> planned.endWindow(shard) - planned.firstWindow(shard))
                .sum();
    }

    /** Returns the directory that this part works in, within the directory of the capture. */
    public Path directory(Path capture) {
        return capture.resolve("part-" + number + "-of-" + count);
    }

    /** Directories of parts within that of a capture, in order of count and number; none where there is no directory. */
    static List<Path> directoriesOf(Path capture) throws IOException {
        if (!Files.isDirectory(capture)) {
            return List.of();
        }
        List<CapturePart> parts = new ArrayList<>();
        try (Stream<Path> entries = Files.list(capture)) {
            for (Path entry : entries.filter(Files::isDirectory).toList()) {
                Matcher matcher = NAME.matcher(String.valueOf(entry.getFileName()));
                if (matcher.matches()) {
                    parts.add(new CapturePart(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))));
                }
            }
        }
        parts.sort(Comparator.comparingInt(CapturePart::count).thenComparingInt(CapturePart::number));
        return parts.stream().map(part -> part.directory(capture)).toList();
    }

    @Override
    public String toString() {
        return number + "/" + count;
    }
}
