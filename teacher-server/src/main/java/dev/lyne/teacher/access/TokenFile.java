package dev.lyne.teacher.access;

import dev.lyne.files.DirectoryLock;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.wire.access.AccessToken;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** A file of {@link AccessRules} that a token is added to. */
public final class TokenFile {
    private static final Set<PosixFilePermission> OWNERS_ALONE = PosixFilePermissions.fromString("rw-------");

    private TokenFile() {}

    /**
     * Grant: what a new token opens.
     *
     * @param tenant whose it is
     * @param expiry when it ceases to open; empty: never
     * @param teachers names of those that it opens; empty: all
     * @param best the most urgent class that it opens
     */
    public record Grant(String tenant, Optional<Instant> expiry, List<String> teachers, PriorityClass best) {
        public Grant {
            AccessRules.requireName(tenant);
            teachers = List.copyOf(teachers);
            for (String teacher : teachers) {
                if (teacher.isEmpty()
                        || teacher.chars().anyMatch(each -> Character.isWhitespace(each) || each == ',')) {
                    throw new IllegalArgumentException(
                            "teachers: '" + teacher + "' (expected: names without spaces, apart by commas)");
                }
            }
        }

        /**
         * Returns the grant that words state.
         *
         * @param expires a day, a time, or {@code never}
         * @throws IllegalArgumentException where one of them says nothing
         */
        public static Grant of(String tenant, String expires, List<String> teachers, String priority) {
            Optional<Instant> expiry =
                    expires.equals("never") ? Optional.empty() : Optional.of(AccessRules.expiry(expires));
            return new Grant(tenant, expiry, teachers, PriorityClass.of(priority));
        }

        private String line(AccessToken token) {
            StringBuilder line = new StringBuilder(AccessRules.line(tenant, token));
            expiry.ifPresent(end -> line.append(" expires=").append(end));
            if (!teachers.isEmpty()) {
                line.append(" teachers=").append(String.join(",", teachers));
            }
            return line.append(" class=").append(best.label()).toString();
        }
    }

    /**
     * Adds a token's line: a server that reads the file meanwhile finds the file before or the file after, with the owner, the group and the
     * permissions that it had. One at a time: whoever comes meanwhile is refused, and its token with it.
     *
     * @throws IllegalArgumentException where the file holds tokens as they are, or is none
     * @throws IllegalStateException where somebody else adds to it, or this process may not give it its owner and group
     */
    public static void add(Path file, Grant grant, AccessToken token) throws IOException {
        // What a link names is what is written.
        Path real = (Files.exists(file) ? file.toRealPath() : file).toAbsolutePath();
        Path directory = Objects.requireNonNull(real.getParent());
        if (!Files.isDirectory(directory)) {
            throw new NoSuchFileException(file.toString(), null, "no directory " + directory);
        }
        try (DirectoryLock unused = DirectoryLock.take(directory, "." + real.getFileName() + ".lock")
                .orElseThrow(() -> new IllegalStateException(
                        file + ": somebody else adds a token to it (expected: one at a time)"))) {
            addAlone(real, grant, token);
        }
    }

    private static void addAlone(Path file, Grant grant, AccessToken token) throws IOException {
        String before = AccessRules.HEADER + "\n";
        boolean there = Files.exists(file);
        if (there) {
            if (!AccessRules.read(file).hashed()) {
                throw new IllegalArgumentException(file + ": tokens as they are (expected: a file that begins with "
                        + AccessRules.HEADER + "; give another one)");
            }
            before = Files.readString(file);
        }
        String joined = before.endsWith("\n") ? before : before + "\n";
        Path aside = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(aside);
        try {
            Files.createFile(aside, PosixFilePermissions.asFileAttribute(OWNERS_ALONE));
            Files.writeString(
                    aside, joined + grant.line(token) + "\n", StandardOpenOption.WRITE, StandardOpenOption.SYNC);
            if (!AccessRules.read(aside).hashed()) {
                throw new IllegalStateException(aside + ": not what was written");
            }
            if (there) {
                keepAttributes(file, aside);
            }
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(aside);
        }
    }

    /** Owner and group first: who else may read the file is decided by whose it is. */
    private static void keepAttributes(Path file, Path aside) throws IOException {
        PosixFileAttributes kept = Files.readAttributes(file, PosixFileAttributes.class);
        PosixFileAttributes found = Files.readAttributes(aside, PosixFileAttributes.class);
        PosixFileAttributeView view = Files.getFileAttributeView(aside, PosixFileAttributeView.class);
        try {
            if (!kept.group().equals(found.group())) {
                view.setGroup(kept.group());
            }
            if (!kept.owner().equals(found.owner())) {
                view.setOwner(kept.owner());
            }
        } catch (FileSystemException e) {
            throw new IllegalStateException(
                    file + ": of " + kept.owner().getName() + ":" + kept.group().getName()
                            + ", which this process may not give it again (expected: to run as that owner, or as root)",
                    e);
        }
        view.setPermissions(kept.permissions());
    }
}
