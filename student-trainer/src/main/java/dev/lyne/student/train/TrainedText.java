package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.student.tokens.Windows;

/**
 * What a run is trained on.
 *
 * @param wrapping tokens around each document
 * @param skipped documents of the corpus that could not be read
 */
record TrainedText(DocumentWrapping wrapping, long skipped, Windows windows) {
    TrainedText over(Windows others) {
        return new TrainedText(wrapping, skipped, others);
    }
}
