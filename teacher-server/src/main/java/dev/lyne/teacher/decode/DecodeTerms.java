package dev.lyne.teacher.decode;

import dev.lyne.lm.generation.Proposal;
import dev.lyne.teacher.model.TeacherDescription;
import java.util.Set;

/**
 * What a session was opened with.
 *
 * @param proposal what tokens are drawn from
 * @param seed of the draws
 * @param stopIds tokens that end a run of draws
 */
public record DecodeTerms(TeacherDescription teacher, Proposal proposal, long seed, Set<Integer> stopIds) {
    public DecodeTerms {
        stopIds = Set.copyOf(stopIds);
    }
}
