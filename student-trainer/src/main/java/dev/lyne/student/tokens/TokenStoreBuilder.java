package dev.lyne.student.tokens;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Tokenises documents on several threads and writes them in order. The calling thread reads and writes; at most
 * {@link #MAX_CHARS_IN_FLIGHT} characters (or one document) wait between the two.
 */
final class TokenStoreBuilder {
    private static final long MAX_CHARS_IN_FLIGHT = 64L << 20;
    private static final int MAX_DOCUMENTS_IN_FLIGHT = 4096;

    private final Path directory;
    private final TextEncoder encoder;
    private final int threads;
    private final int shardTokens;
    private final List<TokenManifest.Shard> shards = new ArrayList<>();
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private long charsInFlight;
    private long skipped;
    private String firstSkipped = "";
    private long teacherPrompts;
    private long submitted;
    private final List<Long> documentsUpToFile = new ArrayList<>();
    private TokenShardWriter tokens;
    private TokenShardWriter documents;

    /** @param shardTokens tokens after which a shard is full; a document never spans two */
    TokenStoreBuilder(Path directory, TextEncoder encoder, int threads, int shardTokens) throws IOException {
        this.directory = directory;
        this.encoder = encoder;
        this.threads = threads;
        this.shardTokens = shardTokens;
        this.tokens = new TokenShardWriter(directory.resolve(TokenManifest.tokensFile(0)));
        this.documents = new TokenShardWriter(directory.resolve(TokenManifest.documentsFile(0)));
    }

    /** @param teacherPrompt empty: the teacher sees the prompt */
    private record Encoded(int[] prompt, int[] teacherPrompt, int[] text) {}

    private record Pending(Document document, Future<Encoded> encoded, long bytesRead) {
        long chars() {
            return (long) document.prompt().length()
                    + document.teacherPrompt().map(String::length).orElse(0)
                    + document.text().length();
        }
    }

    void build(DocumentSource source, TokenManifest manifest, TokenStore.Progress progress) throws IOException {
        long total = source.totalBytes();
        ExecutorService pool = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, "tokenise");
            thread.setDaemon(true);
            return thread;
        });
        try {
            source.read(new DocumentSource.Sink() {
                @Override
                public void accept(Document document, long bytesRead) throws IOException {
                    submit(document, bytesRead, pool);
                    while (pending.size() > 1
                            && (charsInFlight > MAX_CHARS_IN_FLIGHT || pending.size() > MAX_DOCUMENTS_IN_FLIGHT)) {
                        writeNext(total, progress);
                    }
                }

                @Override
                public void endOfFile() {
                    documentsUpToFile.add(submitted);
                }

                @Override
                public void skip(String reason) {
                    firstSkipped = skipped++ == 0 ? reason : firstSkipped;
                }
            });
            while (!pending.isEmpty()) {
                writeNext(total, progress);
            }
            finishShard();
            manifest.holding(
                            new TokenManifest.Skipped(skipped, firstSkipped), teacherPrompts, documentsUpToFile, shards)
                    .write(directory);
            progress.update(total, total);
        } finally {
            pool.shutdownNow();
            tokens.close();
            documents.close();
        }
    }

    private void submit(Document document, long bytesRead, ExecutorService pool) {
        Pending next = new Pending(document, pool.submit(() -> encode(document)), bytesRead);
        pending.add(next);
        submitted++;
        charsInFlight += next.chars();
    }

    private Encoded encode(Document document) {
        int[] prompt = document.prompt().isEmpty() ? new int[0] : encoder.encode(document.prompt());
        int[] teacherPrompt = document.teacherPrompt().map(encoder::encode).orElse(new int[0]);
        if (document.teacherPrompt().isPresent() && teacherPrompt.length == 0) {
            throw new IllegalArgumentException("its teacher prompt has no token (expected: at least 1)");
        }
        return new Encoded(prompt, teacherPrompt, encoder.encode(document.text()));
    }

    private void writeNext(long total, TokenStore.Progress progress) throws IOException {
        Pending next = pending.remove();
        charsInFlight -= next.chars();
        Encoded encoded = await(next);
        int bos = encoder.bosId().isPresent() ? 1 : 0;
        int eos = encoder.eosId().isPresent() ? 1 : 0;
        long length = (long) bos + encoded.prompt().length + encoded.text().length + eos;
        int teacherPrompt = encoded.teacherPrompt().length == 0 ? 0 : bos + encoded.teacherPrompt().length;
        length += teacherPrompt;
        if (length > Integer.MAX_VALUE / Integer.BYTES / 2) {
            throw new IOException(next.document().source() + ": " + length
                    + " tokens in one document (expected: at most " + Integer.MAX_VALUE / Integer.BYTES / 2 + ")");
        }
        if (tokens.count() > 0 && tokens.count() + length > shardTokens) {
            startShard();
        }
        documents.write(tokens.count());
        documents.write((int) length - teacherPrompt);
        documents.write(bos + encoded.prompt().length);
        documents.write(teacherPrompt);
        if (bos > 0) {
            tokens.write(encoder.bosId().getAsInt());
        }
        for (int id : encoded.prompt()) {
            tokens.write(id);
        }
        for (int id : encoded.text()) {
            tokens.write(id);
        }
        if (eos > 0) {
            tokens.write(encoder.eosId().getAsInt());
        }
        if (teacherPrompt > 0) {
            teacherPrompts++;
            if (bos > 0) {
                tokens.write(encoder.bosId().getAsInt());
            }
            for (int id : encoded.teacherPrompt()) {
                tokens.write(id);
            }
        }
        if (next.bytesRead() < total) { // a file's last bytes are read long before its last document is written
            progress.update(next.bytesRead(), total);
        }
    }

    private static Encoded await(Pending next) throws IOException {
        try {
            return next.encoded().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(
                    "interrupted while tokenising " + next.document().source());
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof IllegalArgumentException || cause instanceof IllegalStateException) {
                throw new IOException(next.document().source() + ": cannot be tokenised: " + cause.getMessage(), cause);
            }
            throw new IllegalStateException(next.document().source() + ": cannot be tokenised", cause);
        }
    }

    private void startShard() throws IOException {
        finishShard();
        tokens.close();
        documents.close();
        tokens = new TokenShardWriter(directory.resolve(TokenManifest.tokensFile(shards.size())));
        documents = new TokenShardWriter(directory.resolve(TokenManifest.documentsFile(shards.size())));
    }

    private void finishShard() throws IOException {
        int tokensCrc = tokens.finish();
        int documentsCrc = documents.finish();
        shards.add(new TokenManifest.Shard(
                tokens.count(), documents.count() / TokenManifest.INTS_PER_DOCUMENT, tokensCrc, documentsCrc));
    }
}
