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
import java.util.OptionalInt;
import java.util.SplittableRandom;

/** A corpus of random letters, one token each, cut into windows. */
final class Texts implements DocumentSource {
    private final int documents;
    private final long seed;

    private Texts(int documents, long seed) {
        this.documents = documents;
        this.seed = seed;
    }

    static Windows windows(Path cache, int documents, long seed, int context) throws IOException {
        return new Windows(
                TokenStore.open(cache, new Texts(documents, seed), new Letters(), 1, (done, total) -> {}), context);
    }

    @Override
    public byte[] sha256() {
        return digest(documents + " texts of seed " + seed);
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
            sink.accept(new Document("memory:" + number, number % 5 == 3 ? "prompt" : "", text), number + 1L);
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
