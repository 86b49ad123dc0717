package dev.lyne.teacher.admission;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashMap;
import java.util.Map;

/**
 * Tokens admitted and not yet answered, over all streams. A tenant that has no more than its share, the bound over the tenants that have
 * any, is let in even where others use the bound up: so none keeps the others out. What is admitted may exceed the bound for it, by no more
 * than half. Safe for several threads.
 */
final class AdmittedTokens {
    private final long most;

    @GuardedBy("this")
    private final Map<String, Long> ofTenants = new HashMap<>();

    @GuardedBy("this")
    private long all;

    AdmittedTokens(long most) {
        this.most = most;
    }

    /** Takes the tokens of a sequence, or of several together, on, or refuses them; a first one is let in however long, so that none is refused for ever. */
    synchronized boolean take(String tenant, long tokens) {
        long own = ofTenants.getOrDefault(tenant, 0L);
        int tenants = ofTenants.size() + (own == 0 ? 1 : 0);
        boolean fair = own == 0 || own + tokens <= most / tenants;
        if (all > 0 && all + tokens > most && !(fair && all + tokens <= most + most / 2)) {
            return false;
        }
        ofTenants.put(tenant, own + tokens);
        all += tokens;
        return true;
    }

    synchronized void give(String tenant, long tokens) {
        ofTenants.computeIfPresent(tenant, (name, own) -> own == tokens ? null : Long.valueOf(own - tokens));
        all -= tokens;
    }

    synchronized long all() {
        return all;
    }
}
