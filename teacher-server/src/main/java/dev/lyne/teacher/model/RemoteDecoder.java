package dev.lyne.teacher.model;

import dev.lyne.row.Proposal;
import java.util.Optional;

/** Continues texts where a teacher computes elsewhere, each when it can. Safe for several threads; nothing blocks. */
public interface RemoteDecoder {
    /** Why tokens cannot be drawn from a proposal, in a line with the value and the expectation, where they cannot. */
    Optional<String> refusal(Proposal proposal);

    /**
     * Takes a text on, and tells it later, on a thread of its own.
     *
     * @return false where the teacher is closed and takes none; then the job is told nothing
     */
    boolean decode(ContinueJob job);

    /** Lets go of a text that nobody waits for any more. */
    void withdraw(ContinueJob job);
}
