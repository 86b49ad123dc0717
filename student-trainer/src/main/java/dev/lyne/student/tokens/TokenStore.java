package dev.lyne.student.tokens;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A corpus as token ids in memory-mapped shards, so that it may be larger than memory. Built once under a directory named by
 * its digest (corpus, tokenizer, BOS/EOS rule), and shared by every run that uses the same. Safe for several threads.
 */
public final class TokenStore {
    private static final Logger LOG = LoggerFactory.getLogger(TokenStore.class);
    private static final int DEFAULT_SHARD_TOKENS = 1 << 26;
    private static final long POLL_MILLIS = 200;

    private final TokenManifest manifest;
    private final List<IntBuffer> tokens;
    private final List<IntBuffer> documents;

    private TokenStore(TokenManifest manifest, List<IntBuffer> tokens, List<IntBuffer> documents) {
        this.manifest = manifest;
        this.tokens = tokens;
        this.documents = documents;
    }

    /** Told how many bytes of how many have been tokenised. */
    public interface Progress {
        /** So far {@code done} of {@code total} bytes; all of them once only, at the end. */
        void update(long done, long total);

        /** Notes that another run tokenises the same corpus; called again and again while it is waited for. */
        default void waits() {}
    }

    /**
     * Opens the corpus's tokens, and builds them first where they are not in the cache, or are damaged there.
     *
     * @param cache directory of token stores; made where it does not exist
     * @param threads threads that tokenise
     * @throws IOException where the corpus cannot be read or the cache not be written
     */
    public static TokenStore open(
            Path cache, DocumentSource source, TextEncoder encoder, int threads, Progress progress) throws IOException {
        return open(cache, source, encoder, threads, DEFAULT_SHARD_TOKENS, progress);
    }

    static TokenStore open(
            Path cache, DocumentSource source, TextEncoder encoder, int threads, int shardTokens, Progress progress)
            throws IOException {
        String corpus = CorpusDigests.hex(source.sha256());
        String tokenizer = CorpusDigests.hex(encoder.digest());
        String rule = CorpusDigests.rule(encoder.bosId(), encoder.eosId());
        String key = CorpusDigests.hex(CorpusDigests.sha256(
                        "lyne tokens " + TokenManifest.VERSION + "\n" + corpus + "\n" + tokenizer + "\n" + rule + "\n"))
                .substring(0, 32);
        Path directory = cache.resolve("tokens-" + key);
        Files.createDirectories(cache);
        // Whoever holds the lock builds; others wait and find the store ready. What lies aside under the lock is
        // nobody's.
        try (FileChannel channel = FileChannel.open(
                        cache.resolve("tokens-" + key + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = lock(channel, directory, progress)) {
            TokenManifest expected = TokenManifest.planned(corpus, tokenizer, rule);
            if (Files.isDirectory(directory)) {
                try {
                    return accepted(openExisting(directory, expected), source);
                } catch (DamagedTokensException e) {
                    LOG.warn("{}; tokenising again", e.getMessage());
                    deleteTree(directory);
                }
            }
            Path aside = cache.resolve("tokens-" + key + ".building");
            deleteTree(aside);
            Files.createDirectory(aside);
            try {
                new TokenStoreBuilder(aside, encoder, threads, shardTokens).build(source, expected, progress);
            } catch (IOException e) {
                deleteTree(aside); // on a full disk it would only be in the way
                throw e;
            }
            Files.move(aside, directory, StandardCopyOption.ATOMIC_MOVE);
            return openExisting(directory, expected);
        }
    }

    /** A store that another run made while it skipped documents is not taken by one that was not told to. */
    private static TokenStore accepted(TokenStore store, DocumentSource source) throws IOException {
        if (store.skipped() > 0 && !source.skipsInvalid()) {
            throw new IOException("corpus: " + store.manifest.firstSkipped());
        }
        return store;
    }

    private static FileLock lock(FileChannel channel, Path directory, Progress progress) throws IOException {
        boolean told = false;
        try {
            while (true) {
                FileLock lock = channel.tryLock();
                if (lock != null) {
                    return lock;
                }
                if (!told) {
                    LOG.info("{}: another run tokenises the same corpus; waiting for it", directory);
                    told = true;
                }
                progress.waits();
                Thread.sleep(POLL_MILLIS);
            }
        } catch (OverlappingFileLockException e) {
            throw new IOException(directory + ": being tokenised by another thread of this process", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(directory + ": interrupted while another run tokenises it");
        }
    }

    private static TokenStore openExisting(Path directory, TokenManifest expected) throws IOException {
        TokenManifest manifest = TokenManifest.read(directory);
        manifest.requireKind(directory, expected);
        List<IntBuffer> tokens = new ArrayList<>();
        List<IntBuffer> documents = new ArrayList<>();
        for (int shard = 0; shard < manifest.shards().size(); shard++) {
            TokenManifest.Shard entry = manifest.shards().get(shard);
            tokens.add(TokenShardWriter.map(
                    directory.resolve(TokenManifest.tokensFile(shard)), entry.tokens(), entry.tokensCrc32c()));
            documents.add(TokenShardWriter.map(
                    directory.resolve(TokenManifest.documentsFile(shard)),
                    entry.documents() * TokenManifest.INTS_PER_DOCUMENT,
                    entry.documentsCrc32c()));
        }
        return new TokenStore(manifest, tokens, documents);
    }

    static void deleteTree(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path entry : entries.toList()) {
                Files.delete(entry);
            }
        }
        Files.delete(directory);
    }

    /** Digest of the corpus, hexadecimal. */
    public String corpusSha256() {
        return manifest.corpusSha256();
    }

    /** Digest of the tokenizer, hexadecimal. */
    public String tokenizerSha256() {
        return manifest.tokenizerSha256();
    }

    /** Tokens put before and after each document. */
    public String documentRule() {
        return manifest.documentRule();
    }

    /** Documents of each file of the corpus, in order, and of those before it. */
    List<Long> documentsUpToFile() {
        return manifest.documentsUpToFile();
    }

    /** Documents that could not be read and were left out. */
    public long skipped() {
        return manifest.skipped();
    }

    /** The first of those, as {@code file:line: reason}; empty where there is none. */
    public String firstSkipped() {
        return manifest.firstSkipped();
    }

    /** Number of documents. */
    public long documents() {
        return manifest.shards().stream()
                .mapToLong(TokenManifest.Shard::documents)
                .sum();
    }

    /** Tokens put before each document. */
    int bosTokens() {
        return manifest.documentRule().startsWith("bos=none ") ? 0 : 1;
    }

    /** Documents of which a teacher sees another prompt. */
    public long teacherPrompts() {
        return manifest.teacherPrompts();
    }

    /** Number of tokens, those of teacher prompts included. */
    public long tokens() {
        return manifest.shards().stream().mapToLong(TokenManifest.Shard::tokens).sum();
    }

    int shards() {
        return tokens.size();
    }

    int documents(int shard) {
        return manifest.shards().get(shard).documents();
    }

    int length(int shard, int document) {
        return documents.get(shard).get(document * TokenManifest.INTS_PER_DOCUMENT + 1);
    }

    /** Tokens at a document's start that carry no loss: BOS and the prompt. */
    int promptLength(int shard, int document) {
        return documents.get(shard).get(document * TokenManifest.INTS_PER_DOCUMENT + 2);
    }

    /** Tokens that a teacher sees in the place of those that carry no loss, BOS included; 0: the same. */
    int teacherPromptLength(int shard, int document) {
        return documents.get(shard).get(document * TokenManifest.INTS_PER_DOCUMENT + 3);
    }

    /** A document as a teacher sees it that sees another prompt, up to that place of the document. */
    int[] teacherTokens(int shard, int document, int to) {
        int length = length(shard, document);
        int own = teacherPromptLength(shard, document);
        int[] prompt = tokens(shard, document, length, length + own);
        int[] response = tokens(shard, document, promptLength(shard, document), to);
        int[] all = Arrays.copyOf(prompt, own + response.length);
        System.arraycopy(response, 0, all, own, response.length);
        return all;
    }

    int[] tokens(int shard, int document, int from, int to) {
        int[] copy = new int[to - from];
        int start = documents.get(shard).get(document * TokenManifest.INTS_PER_DOCUMENT);
        tokens.get(shard).get(start + from, copy);
        return copy;
    }
}
