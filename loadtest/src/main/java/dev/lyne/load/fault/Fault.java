package dev.lyne.load.fault;

/**
 * A fault of a schedule.
 *
 * @param atMillis when it strikes, counted from the schedule's beginning
 * @param target number of the replica or student that it strikes; 0 for Redis
 * @param lastsMillis how long it lasts, or how long what it ended stays away
 * @param draw a number of its own in 0..1, for what else it has to decide
 */
public record Fault(long atMillis, FaultKind kind, int target, long lastsMillis, double draw) {}
