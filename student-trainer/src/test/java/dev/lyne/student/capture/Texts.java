package dev.lyne.student.capture;

import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;

/** A corpus of random letters, one token each, cut into windows. */
final class Texts implements DocumentSource {
    private final int documents;
    private final long seed;
    private final boolean privileged;

    private Texts(int documents, long seed, boolean privileged) {
        this.documents = documents;
        this.seed = seed;
        this.privileged = privileged;
    }

    static Windows windows(Path cache, int documents, long seed, int context) throws IOException {
        return windows(cache, new Texts(documents, seed, false), context);
    }

    /** The same where a teacher sees another prompt of the documents that have one. */
    static Windows privileged(Path cache, int documents, long seed, int context) throws IOException {
        return windows(cache, new Texts(documents, seed, true), context);
    }

    private static Windows windows(Path cache, Texts texts, int context) throws IOException {
        return new Windows(TokenStore.open(cache, texts, new Letters(), 1, (done, total) -> {}), context);
    }

    @Override
    public byte[] sha256() {
        return digest(documents + (privileged ? " privileged" : "") + " texts of seed " + seed);
    }

    @Override
    public long totalBytes() {
        return documents;
    }

    /** Two documents of five are the first again. */
    @Override
    public void read(Sink sink) throws IOException {
        for (int number = 0; number < documents; number++) {
            SplittableRandom random = new SplittableRandom(seed + (number % 5 < 2 ? 0 : number));
            String text = random.ints(random.nextInt(5, 60), 'a', 'z' + 1)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            boolean prompted = number % 5 == 3;
            Optional<String> seen = privileged && prompted ? Optional.of("prompt with the answer") : Optional.empty();
            sink.accept(new Document("memory:" + number, prompted ? "prompt" : "", seen, text), number + 1L);
        }
    }

    private record Letters() implements TextEncoder {
        @Override
        public int[] encode(String text) {
            return text.chars().toArray();
        }

        @Override
        public OptionalInt bosId() {
            return OptionalInt.of(1);
        }

        @Override
        public OptionalInt eosId() {
            return OptionalInt.of(2);
        }

        @Override
        public byte[] digest() {
            return Texts.digest("letters");
        }
    }

    private static byte[] digest(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
