package dev.lyne.student.tokens;

import java.io.IOException;
import java.util.List;
import java.util.OptionalInt;

/** An encoder that makes one token of each character, and documents from memory. */
record FakeText(OptionalInt bosId, OptionalInt eosId) implements TextEncoder {
    static final int BOS = 1;
    static final int EOS = 2;

    static FakeText withSpecials() {
        return new FakeText(OptionalInt.of(BOS), OptionalInt.of(EOS));
    }

    static FakeText plain() {
        return new FakeText(OptionalInt.empty(), OptionalInt.empty());
    }

    @Override
    public int[] encode(String text) {
        return text.chars().toArray();
    }

    @Override
    public byte[] digest() {
        return CorpusDigests.sha256("characters");
    }

    static DocumentSource source(List<Document> documents) {
        return new DocumentSource() {
            @Override
            public byte[] sha256() {
                return CorpusDigests.sha256(documents.toString());
            }

            @Override
            public long totalBytes() {
                return documents.size();
            }

            @Override
            public void read(Sink sink) throws IOException {
                long read = 0;
                for (Document document : documents) {
                    sink.accept(document, ++read);
                }
            }
        };
    }
}
