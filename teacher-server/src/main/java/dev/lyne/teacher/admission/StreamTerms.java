package dev.lyne.teacher.admission;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.score.PositionWeight;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.wire.RowFormat;
import java.util.Optional;

/**
 * Terms of a stream: what it was opened with, and what it was granted.
 *
 * @param teacher what its sequences are scored with
 * @param format what is kept of each row, and how it is coded
 * @param flow what its sequences share the device by
 * @param bypassCache true where none of its sequences reads, joins, shares or stores rows
 * @param weight what its positions count in its tenant's quota
 * @param vouchedOnly true where rows are held back until their teacher vouches for them
 * @param creditSequences most sequences in flight
 * @param creditTokens most tokens in flight, unless it is one sequence alone
 */
public record StreamTerms(
        TeacherDescription teacher,
        RowFormat format,
        Flow flow,
        boolean bypassCache,
        PositionWeight weight,
        boolean vouchedOnly,
        int creditSequences,
        long creditTokens) {
    /** The same, whose positions count otherwise in a quota. */
    public StreamTerms weighedBy(PositionWeight other) {
        return new StreamTerms(teacher, format, flow, bypassCache, other, vouchedOnly, creditSequences, creditTokens);
    }

    /** The same, of a tenant of other weight or quota. */
    public StreamTerms of(Tenant tenant) {
        return new StreamTerms(
                teacher,
                format,
                new Flow(tenant, flow.priority(), flow.stream()),
                bypassCache,
                weight,
                vouchedOnly,
                creditSequences,
                creditTokens);
    }

    /** Positions that a sequence takes of its tenant's quota: one for each of its tokens, or more where each takes longer than a plain one. */
    long quotaPositions(ScoreTask task) {
        return Math.max(task.tokens(), Math.round(task.tokens() * weight.of(task.tokens(), format)));
    }

    /** Most bytes of a sequence's rows, as a stream's credit counts them. */
    public long mostBytes(ScoreTask task) {
        return (long) task.item().positions().length * format.creditRowBytes(teacher.vocabularySize());
    }

    /** Refuses a sequence that goes beyond the credit. */
    public Optional<Failure> checkCredit(int inFlightSequences, long inFlightTokens, int tokens) {
        if (inFlightSequences >= creditSequences) {
            return Optional.of(new Failure(
                    Failure.Reason.CREDIT_EXCEEDED,
                    "sequences in flight: " + (inFlightSequences + 1) + " (expected: at most the granted "
                            + creditSequences + ")"));
        }
        if (inFlightSequences > 0 && inFlightTokens + tokens > creditTokens) {
            return Optional.of(new Failure(
                    Failure.Reason.CREDIT_EXCEEDED,
                    "tokens in flight: " + (inFlightTokens + tokens) + " (expected: at most the granted " + creditTokens
                            + ")"));
        }
        return Optional.empty();
    }
}
