package dev.lyne.teacher.server;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * Which teachers take this machine's memory: those that are loaded or being loaded, and those whose device or loader was at work when they were
 * closed, until it is through. Not safe for several threads.
 */
final class TeacherMemory {
    private final List<TeacherEntry> held = new ArrayList<>();
    private final List<TeacherEntry> left = new ArrayList<>();

    /** Returns the plan of what teachers take together, with the process around them. */
    static MemoryPlan plan(Collection<TeacherEntry> entries) {
        return MemoryPlan.ofThisProcess(
                entries.stream()
                        .mapToLong(entry -> entry.memory().weightBytes())
                        .sum(),
                entries.stream()
                        .mapToLong(entry -> entry.memory().keyValueBytesHere())
                        .sum());
    }

    private static boolean fit(Stream<TeacherEntry> entries, Stream<TeacherEntry> others) {
        return plan(Stream.concat(entries, others).toList()).fits();
    }

    /** Takes the memory of a teacher, where there is as much. */
    boolean hold(TeacherEntry entry) {
        if (!fit(Stream.concat(held.stream(), left.stream()), Stream.of(entry))) {
            return false;
        }
        held.add(entry);
        return true;
    }

    /** Gives back what a teacher that is gone took. */
    void release(TeacherEntry entry) {
        held.remove(entry);
    }

    /** A teacher is closed whose device or loader is at work still: what it takes is given back {@linkplain #ended later}. */
    void leave(TeacherEntry entry) {
        held.remove(entry);
        left.add(entry);
    }

    /** Notes that what was left of a teacher is through. */
    void ended(TeacherEntry entry) {
        left.remove(entry);
    }

    /** @throws IllegalStateException where these do not fit beside those that were left */
    void requireRoomBesideLeft(Collection<TeacherEntry> wanted) {
        if (!left.isEmpty() && !fit(wanted.stream(), left.stream())) {
            throw new IllegalStateException("memory: devices or loaders that were left at work hold that of teachers "
                    + left.stream().map(TeacherEntry::name).toList()
                    + " (expected: that they come to an end; else start the server anew)");
        }
    }
}
