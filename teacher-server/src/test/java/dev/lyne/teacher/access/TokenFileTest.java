package dev.lyne.teacher.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.files.DirectoryLock;
import dev.lyne.teacher.access.TokenFile.Grant;
import dev.lyne.wire.access.AccessToken;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adding tokens to a file: none is lost, and the file stays whose it is. */
final class TokenFileTest {
    private static final Grant GRANT = Grant.of("alice", "never", List.of(), "training");

    @TempDir
    Path directory;

    private static AccessToken token() {
        return AccessToken.random("alice", new SecureRandom());
    }

    /** At a time: each token whose addition returned is in the file, and each that was refused is not printed, since it threw. */
    @Test
    void add_manyAtATime_losesNoneThatWasAdded() throws Exception {
        Path file = directory.resolve("tokens");
        int adders = 8;
        CyclicBarrier together = new CyclicBarrier(adders);
        ExecutorService threads = Executors.newFixedThreadPool(adders);
        List<Future<List<AccessToken>>> all = new ArrayList<>();
        try {
            for (int i = 0; i < adders; i++) {
                all.add(threads.submit(() -> {
                    List<AccessToken> added = new ArrayList<>();
                    together.await();
                    while (added.size() < 5) {
                        AccessToken token = token();
                        try {
                            TokenFile.add(file, GRANT, token);
                            added.add(token);
                        } catch (IllegalStateException e) {
                            assertThat(e)
                                    .hasMessage(file + ": somebody else adds a token to it (expected: one at a time)");
                        }
                    }
                    return added;
                }));
            }
            for (Future<List<AccessToken>> each : all) {
                for (AccessToken token : each.get()) {
                    assertThat(Files.readString(file)).contains(AccessRules.line("alice", token));
                }
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(Files.readAllLines(file)).hasSize(1 + adders * 5);
    }

    @Test
    void add_whileAnotherProcessAdds_isRefusedAndTheFileStays() throws IOException {
        Path file = directory.resolve("tokens");
        TokenFile.add(file, GRANT, token());
        String before = Files.readString(file);
        try (DirectoryLock unused =
                DirectoryLock.take(directory, ".tokens.lock").orElseThrow()) {
            assertThatThrownBy(() -> TokenFile.add(file, GRANT, token()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(file + ": somebody else adds a token to it (expected: one at a time)");
        }
        assertThat(Files.readString(file)).isEqualTo(before);
    }

    /** A group or an owner of another account can be given by root alone; the permissions, by everybody. */
    @Test
    void add_toAFileOfSomebodyElse_keepsOwnerGroupAndPermissions() throws IOException {
        Path file = directory.resolve("tokens");
        TokenFile.add(file, GRANT, token());
        PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
        view.setPermissions(PosixFilePermissions.fromString("rw-r-----"));
        try {
            var accounts = file.getFileSystem().getUserPrincipalLookupService();
            view.setGroup(accounts.lookupPrincipalByGroupName("65533"));
            view.setOwner(accounts.lookupPrincipalByName("65532"));
        } catch (FileSystemException e) {
            assertThat(view.readAttributes().owner().getName()).as("not root").isNotEqualTo("root");
        }
        PosixFileAttributes before = Files.readAttributes(file, PosixFileAttributes.class);

        TokenFile.add(file, GRANT, token());

        PosixFileAttributes after = Files.readAttributes(file, PosixFileAttributes.class);
        assertThat(after.owner()).isEqualTo(before.owner());
        assertThat(after.group()).isEqualTo(before.group());
        assertThat(PosixFilePermissions.toString(after.permissions())).isEqualTo("rw-r-----");
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void add_toALink_writesWhatItNames() throws IOException {
        Path file = directory.resolve("tokens");
        TokenFile.add(file, GRANT, token());
        Path link = Files.createSymbolicLink(directory.resolve("link"), file);

        TokenFile.add(link, GRANT, token());

        assertThat(link).isSymbolicLink();
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void add_inADirectoryThatIsNot_isRefusedAndMakesNone() {
        Path file = directory.resolve("none/tokens");

        assertThatThrownBy(() -> TokenFile.add(file, GRANT, token()))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("none/tokens");
        assertThat(directory.resolve("none")).doesNotExist();
    }
}
