package dev.lyne.student.train;

import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.util.ArrayList;
import java.util.List;

/** Notices of a corpus for its user: what was passed over, what was skipped, what was cut. */
public final class CorpusNotices {
    private static final int MOST_FILES = 20;

    private CorpusNotices() {}

    /**
     * Lines for people; none where there is nothing to say.
     *
     * @param what name of the option or setting that gave the corpus
     */
    public static List<String> of(String what, Corpus corpus, TokenStore store, Windows windows) {
        List<String> lines = new ArrayList<>(files(what, corpus));
        if (store.skipped() > 0) {
            lines.add(
                    "%s: %,d documents skipped, the first: %s".formatted(what, store.skipped(), store.firstSkipped()));
        }
        if (store.teacherPrompts() > 0) {
            lines.add("%s: a teacher sees another prompt than the student of %,d of %,d documents"
                    .formatted(what, store.teacherPrompts(), store.documents()));
        }
        Windows.Cut cut = windows.cut();
        if (cut.windows() > 0) {
            lines.add(
                    "%s: %,d of %,d windows of %,d tokens lack the beginning of their prompt; %,d prompt tokens are in no window"
                            .formatted(what, cut.windows(), windows.count(), windows.context(), cut.promptTokens()));
        }
        return lines;
    }

    /** Returns the lines about files. */
    public static List<String> files(String what, Corpus corpus) {
        List<String> lines = new ArrayList<>();
        corpus.passedOver().stream().limit(MOST_FILES).forEach(file -> lines.add(what + ": passed over " + file));
        if (corpus.passedOver().size() > MOST_FILES) {
            lines.add("%s: passed over %,d more files"
                    .formatted(what, corpus.passedOver().size() - MOST_FILES));
        }
        return lines;
    }
}
