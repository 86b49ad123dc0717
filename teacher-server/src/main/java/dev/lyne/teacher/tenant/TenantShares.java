package dev.lyne.teacher.tenant;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashMap;
import java.util.Map;

/**
 * A bounded amount that tenants share. A tenant that holds no more than its share, the bound over the tenants that hold any, is let in even
 * where others use the bound up: so none keeps the others out. What is held may exceed the bound for it, by no more than half. Safe for
 * several threads.
 */
public final class TenantShares {
    private final long most;

    @GuardedBy("this")
    private final Map<String, Long> ofTenants = new HashMap<>();

    @GuardedBy("this")
    private long all;

    /** @param most what all hold together, while none is let in for its share */
    public TenantShares(long most) {
        this.most = most;
    }

    /** Takes something on, or refuses it; a first one is let in however large, so that none is refused for ever. */
    public synchronized boolean take(String tenant, long amount) {
        if (!letsIn(tenant, amount)) {
            return false;
        }
        add(tenant, amount);
        return true;
    }

    /** Whether something would be taken on. */
    public synchronized boolean letsIn(String tenant, long amount) {
        if (all == 0 || all + amount <= most) {
            return true;
        }
        long own = ofTenants.getOrDefault(tenant, 0L);
        int tenants = ofTenants.size() + (own == 0 ? 1 : 0);
        boolean fair = own == 0 || own + amount <= most / tenants;
        return fair && all + amount <= most + most / 2;
    }

    /** Counts what is held whatever the bound says. */
    public synchronized void add(String tenant, long amount) {
        long own = ofTenants.getOrDefault(tenant, 0L) + amount;
        if (own == 0) {
            ofTenants.remove(tenant);
        } else {
            ofTenants.put(tenant, own);
        }
        all += amount;
    }

    /** Gives back what is not held any more. */
    public synchronized void give(String tenant, long amount) {
        add(tenant, -amount);
    }

    /** Returns the sum of what all hold. */
    public synchronized long all() {
        return all;
    }
}
