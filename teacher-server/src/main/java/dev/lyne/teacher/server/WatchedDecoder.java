package dev.lyne.teacher.server;

import dev.lyne.row.DecodeOutcome;
import dev.lyne.teacher.model.LocalDecoder;
import java.util.List;

/** A decoder whose steps are watched for refusals of the direct memory that tensors are transferred in. */
record WatchedDecoder(LocalDecoder decoder, DirectMemoryWatch watch) implements LocalDecoder {
    @Override
    public Cache open(int promptTokens) {
        return decoder.open(promptTokens);
    }

    /** Extends texts; what counts as large is the number of new tokens. */
    @Override
    public List<DecodeOutcome> extend(List<Extension> extensions) {
        long tokens = extensions.stream()
                .mapToLong(extension -> extension.item().tokens().length)
                .sum();
        List<DecodeOutcome> outcomes;
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
