package dev.lyne.teacher.tenant;

import java.util.Optional;

/**
 * A team that shares the server with others.
 *
 * @param name as it stands in the file of tokens, in metrics and in logs
 * @param weight its share of the device's time against other tenants that wait, 0.001 to 1,000
 * @param quota how fast it may ask; empty: as fast as the server answers
 */
public record Tenant(String name, double weight, Optional<Quota> quota) {
    /** Everybody, where nobody says who they are. */
    public static final Tenant ANYBODY = new Tenant("anybody", 1, Optional.empty());

    public Tenant {
        if (!(weight >= 0.001 && weight <= 1_000)) { // doubles of virtual time keep their steps between these
            throw new IllegalArgumentException("weight: " + weight + " (expected: 0.001..1000)");
        }
    }
}
