package dev.lyne.teacher.model;

import java.util.Collection;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/** Other weights that were found at an engine's address: what fails the stages of all rows and tokens that may be theirs, one after the other. */
public final class Disowned extends IllegalStateException {
    private static final long serialVersionUID = 1;

    private final transient Set<CompletionStage<Void>> stages;

    /**
     * One finding.
     *
     * @param stages all that it fails
     */
    public Disowned(String message, Collection<? extends CompletionStage<Void>> stages) {
        super(message);
        this.stages = Set.copyOf(stages);
    }

    /**
     * Returns all stages that fail with one, so that what hangs on them is counted together.
     *
     * @param failed what it failed with
     */
    public static Set<CompletionStage<Void>> with(CompletionStage<Void> stage, Throwable failed) {
        return failed instanceof Disowned finding ? finding.stages : Set.of(stage);
    }
}
