package dev.lyne.teacher.batch;

import dev.lyne.teacher.tenant.PriorityClass;

/**
 * What waits for a device, of a tenant in a class.
 *
 * @param streams that wait
 * @param sequences that they wait for
 * @param seconds of the device's time that those are expected to take
 */
public record QueueLine(PriorityClass priority, String tenant, int streams, int sequences, double seconds) {}
