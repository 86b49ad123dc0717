package dev.lyne.student.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TokenStoreTest {
    @TempDir
    Path cache;

    private final AtomicInteger builds = new AtomicInteger();
    private final List<Document> documents = new ArrayList<>();

    @BeforeEach
    void fillDocuments() {
        for (int i = 0; i < 50; i++) {
            documents.add(new Document("d" + i, "", "document number " + i));
        }
    }

    @Test
    void open_secondTime_readsWhatStands() throws IOException {
        List<String> first = contents(open());
        assertThat(contents(open())).isEqualTo(first).hasSize(50);
        assertThat(builds).hasValue(1);
        assertThat(first.get(7)).isEqualTo("\u0001document number 7\u0002");
    }

    @Test
    void open_manyShards_keepsOrderAndNeverSplitsADocument() throws IOException {
        TokenStore store = open();
        assertThat(store.shards()).isGreaterThan(5);
        assertThat(store.documents()).isEqualTo(50);
        assertThat(store.tokens())
                .isEqualTo(
                        documents.stream().mapToLong(d -> d.text().length() + 2).sum());
    }

    @Test
    void open_damagedOrTruncatedOrMissingFile_buildsAgain() throws IOException {
        List<String> expected = contents(open());
        Path directory = storeDirectory();
        int built = 1;
        for (String name : List.of("shard-00001.tokens", "shard-00002.documents", "manifest.json")) {
            Path file = directory.resolve(name);
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length / 2] ^= 0x10;
            Files.write(file, bytes);
            assertThat(contents(open())).as("flipped bit in " + name).isEqualTo(expected);
            assertThat(builds).hasValue(++built);
            Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 3));
            assertThat(contents(open())).as("truncated " + name).isEqualTo(expected);
            assertThat(builds).hasValue(++built);
            Files.delete(file);
            assertThat(contents(open())).as("missing " + name).isEqualTo(expected);
            assertThat(builds).hasValue(++built);
        }
    }

    /** Checks the manifest, which says whether a teacher sees other prompts, and of which file each document is. */
    @Test
    void open_oneDigitOfTheManifestChanged_buildsAgain() throws IOException {
        open();
        Path manifest = storeDirectory().resolve("manifest.json");
        String text = Files.readString(manifest);
        String changed = text.replace("\"teacherPrompts\":0", "\"teacherPrompts\":1");
        assertThat(changed).isNotEqualTo(text);
        Files.writeString(manifest, changed);
        open();
        assertThat(builds).hasValue(2);
        assertThat(manifest).hasContent(text);
        Files.writeString(manifest, text.replaceFirst(",\"crc32c\":\"[0-9a-f]{8}\"", "")); // as one of before
        open();
        assertThat(builds).hasValue(2);
    }

    @Test
    void requireKind_manifestOfOtherTokens_namesEachDifferenceInWords() throws IOException {
        TokenManifest wanted = TokenManifest.planned("c", "t", "bos=none eos=2");
        wanted.holding(new TokenManifest.Skipped(3, "d"), 0, List.of(), List.of())
                .requireKind(cache, wanted);
        assertThatThrownBy(() -> TokenManifest.planned("c", "u", "bos=1 eos=2").requireKind(cache, wanted))
                .isInstanceOf(DamagedTokensException.class)
                .hasMessage(cache.resolve("manifest.json")
                        + ": SHA-256 of the tokenizer: u (expected: t);"
                        + " tokens around a document: bos=1 eos=2 (expected: bos=none eos=2)");
    }

    @Test
    void open_leftoverOfAKilledBuild_isClearedAway() throws IOException {
        open();
        Path aside = cache.resolve(storeDirectory().getFileName() + ".building");
        Files.move(storeDirectory(), aside);
        Files.write(aside.resolve("shard-00000.tokens"), new byte[3]);
        assertThat(contents(open())).hasSize(50);
        assertThat(aside).doesNotExist();
    }

    @Test
    void open_documentThatCannotBeTokenised_isNamedAndNothingStays() throws IOException {
        TextEncoder failing = new TextEncoder() {
            @Override
            public int[] encode(String text) {
                if (text.endsWith(" 31")) {
                    throw new IllegalStateException("no such character");
                }
                return text.chars().toArray();
            }

            @Override
            public java.util.OptionalInt bosId() {
                return java.util.OptionalInt.empty();
            }

            @Override
            public java.util.OptionalInt eosId() {
                return java.util.OptionalInt.empty();
            }

            @Override
            public byte[] digest() {
                return new byte[32];
            }
        };
        assertThatThrownBy(() -> TokenStore.open(cache, FakeText.source(documents), failing, 2, (done, total) -> {}))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("d31: cannot be tokenised")
                .hasMessageContaining("no such character");
        try (Stream<Path> entries = Files.list(cache)) {
            assertThat(entries.filter(e -> Files.isDirectory(e) && !e.toString().endsWith(".building")))
                    .isEmpty();
        }
    }

    @Test
    void open_progress_endsAtTheTotal() throws IOException {
        List<Long> seen = new ArrayList<>();
        TokenStore.open(cache, FakeText.source(documents), FakeText.plain(), 2, (done, total) -> seen.add(done));
        assertThat(seen).isSorted().last().isEqualTo(50L);
    }

    /** Another process holds it; what waits says so, and can be stopped. */
    @Test
    void open_anotherProcessTokenisesTheSame_canBeStoppedWhileItWaits() throws Exception {
        open();
        Path lock;
        try (Stream<Path> entries = Files.list(cache)) {
            lock = entries.filter(entry -> entry.toString().endsWith(".lock"))
                    .findFirst()
                    .orElseThrow();
        }
        Process holder = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        lock.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertThat(holder.getInputStream().read()).isEqualTo('h');
            TokenStore.Progress stopped = new TokenStore.Progress() {
                @Override
                public void update(long done, long total) {}

                @Override
                public void waits() {
                    throw new IllegalStateException("stopped as asked");
                }
            };
            assertThatThrownBy(() -> TokenStore.open(
                            cache, FakeText.source(documents), FakeText.withSpecials(), 2, 100, stopped))
                    .hasMessage("stopped as asked");
        } finally {
            holder.destroyForcibly().waitFor();
        }
        assertThat(contents(open())).hasSize(50);
    }

    /** Takes a lock, says so, and keeps it. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] arguments) throws Exception {
            try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                System.out.write('h');
                System.out.flush();
                int end = System.in.read();
                System.out.write(lock.isValid() ? end : 0);
            }
        }
    }

    private TokenStore open() throws IOException {
        DocumentSource inner = FakeText.source(documents);
        DocumentSource counting = new DocumentSource() {
            @Override
            public byte[] sha256() throws IOException {
                return inner.sha256();
            }

            @Override
            public long totalBytes() throws IOException {
                return inner.totalBytes();
            }

            @Override
            public void read(Sink sink) throws IOException {
                builds.incrementAndGet();
                inner.read(sink);
            }
        };
        return TokenStore.open(cache, counting, FakeText.withSpecials(), 2, 100, (done, total) -> {});
    }

    private Path storeDirectory() throws IOException {
        try (Stream<Path> entries = Files.list(cache)) {
            return entries.filter(Files::isDirectory).findFirst().orElseThrow();
        }
    }

    private static List<String> contents(TokenStore store) {
        List<String> result = new ArrayList<>();
        for (int shard = 0; shard < store.shards(); shard++) {
            for (int d = 0; d < store.documents(shard); d++) {
                int[] tokens = store.tokens(shard, d, 0, store.length(shard, d));
                result.add(new String(tokens, 0, tokens.length));
            }
        }
        return result;
    }
}
