package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.student.tokens.Windows;
import java.util.Set;

/**
 * Text that a run is trained on.
 *
 * @param wrapping tokens around each document
 * @param stopIds tokens that end a continuation of it
 * @param skipped documents of the corpus that could not be read
 */
record TrainedText(DocumentWrapping wrapping, Set<Integer> stopIds, long skipped, Windows windows) {
    TrainedText {
        stopIds = Set.copyOf(stopIds);
    }

    TrainedText over(Windows others) {
        return new TrainedText(wrapping, stopIds, skipped, others);
    }
}
