package dev.lyne.teacher.model;

import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.row.DecodeOutcome;
import java.util.List;

/** A language model's decoder as the server's. */
record LanguageModelDecoder(SequenceDecoder decoder) implements LocalDecoder {
    /** A sequence of the language model's decoder. */
    private record Held(CachedSequence sequence) implements Cache {
        @Override
        public int length() {
            return sequence.length();
        }

        @Override
        public long bytes() {
            return sequence.bytes();
        }

        @Override
        public void close() {
            sequence.close();
        }
    }

    @Override
    public Cache open(int promptTokens) {
        return new Held(decoder.open(promptTokens));
    }

    @Override
    public List<DecodeOutcome> extend(List<Extension> extensions) {
        return decoder.extend(extensions.stream()
                .map(extension -> new dev.lyne.lm.generation.Extension(sequence(extension.cache()), extension.item()))
                .toList());
    }

    private static CachedSequence sequence(Cache cache) {
        if (cache instanceof Held held) {
            return held.sequence();
        }
        throw new IllegalArgumentException("cache: of another decoder (expected: one that this decoder opened)");
    }

    @Override
    public long cacheBytes() {
        return decoder.cacheBytes();
    }

    @Override
    public void close() {
        decoder.close();
    }
}
