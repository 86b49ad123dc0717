package dev.lyne.teacher.tenant;

/**
 * Flow that a request is part of, and shares the device by: a stream of a tenant, in a class.
 *
 * @param tenant on whose behalf
 * @param priority how urgent
 * @param stream number of the stream within the server
 */
public record Flow(Tenant tenant, PriorityClass priority, long stream) {
    /** Work of nobody in particular. */
    public static final Flow SOLE = new Flow(Tenant.ANYBODY, PriorityClass.TRAINING, 0);
}
