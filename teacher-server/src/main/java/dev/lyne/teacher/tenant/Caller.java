package dev.lyne.teacher.tenant;

import io.grpc.Context;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * Caller: who makes a call, a tenant, by a credential that says what it may do.
 *
 * @param tenant on whose behalf
 * @param credential what it was known by, to be known by again: the hash of a token, the subject of a certificate
 * @param teachers names of those that it may ask; empty: all
 * @param best the most urgent class that it may ask for
 * @param expiry when the credential ceases to hold; empty: never
 */
public record Caller(
        Tenant tenant, String credential, Set<String> teachers, PriorityClass best, Optional<Instant> expiry) {
    /** Whoever calls a server that asks nobody who they are. */
    public static final Caller ANYBODY =
            new Caller(Tenant.ANYBODY, "", Set.of(), PriorityClass.INTERACTIVE, Optional.empty());

    private static final Context.Key<Caller> KEY = Context.keyWithDefault("lyne-caller", ANYBODY);

    public Caller {
        teachers = Set.copyOf(teachers);
    }

    /** Returns the caller whose call this thread serves. */
    public static Caller current() {
        return KEY.get();
    }

    /** The context of a call that this caller makes. */
    public Context within(Context context) {
        return context.withValue(KEY, this);
    }

    /** Returns whether the caller may ask a teacher. */
    public boolean mayAsk(String teacher) {
        return teachers.isEmpty() || teachers.contains(teacher);
    }

    /** The class of a call that names none. */
    public PriorityClass usual() {
        return PriorityClass.TRAINING.within(best) ? PriorityClass.TRAINING : best;
    }

    /** Nothing of the credential. */
    @Override
    public String toString() {
        return tenant.name();
    }
}
