package dev.lyne.teacher.server;

import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extended;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.SequenceDecoder;
import java.util.List;

/** A decoder whose steps are watched for refusals of the direct memory that tensors are transferred in. */
record WatchedDecoder(SequenceDecoder decoder, DirectMemoryWatch watch) implements SequenceDecoder {
    @Override
    public CachedSequence open(int promptTokens) {
        return decoder.open(promptTokens);
    }

    /** What counts as large is the number of tokens. */
    @Override
    public List<Extended> extend(List<Extension> extensions) {
        long tokens = extensions.stream()
                .mapToLong(extension -> extension.tokens().length)
                .sum();
        List<Extended> outcomes;
        try {
            outcomes = decoder.extend(extensions);
        } catch (OutOfMemoryError e) {
            watch.refused(tokens, e);
            throw e;
        }
        watch.granted(tokens);
        return outcomes;
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
