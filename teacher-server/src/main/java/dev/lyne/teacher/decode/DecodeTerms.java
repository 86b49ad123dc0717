package dev.lyne.teacher.decode;

import dev.lyne.row.Proposal;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.Tenant;
import java.util.Set;

/**
 * Terms that a session was opened with.
 *
 * @param flow what its texts share the device by
 * @param proposal what tokens are drawn from
 * @param seed of the draws
 * @param stopIds tokens that end a run of draws
 */
public record DecodeTerms(TeacherDescription teacher, Flow flow, Proposal proposal, long seed, Set<Integer> stopIds) {
    public DecodeTerms {
        stopIds = Set.copyOf(stopIds);
    }

    /** The same, of a tenant of other weight or quota. */
    public DecodeTerms of(Tenant tenant) {
        return new DecodeTerms(teacher, new Flow(tenant, flow.priority(), flow.stream()), proposal, seed, stopIds);
    }
}
