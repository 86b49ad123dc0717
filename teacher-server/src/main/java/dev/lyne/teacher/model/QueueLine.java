package dev.lyne.teacher.model;

import dev.lyne.teacher.tenant.PriorityClass;

/**
 * Line of what waits for a teacher, of a tenant in a class.
 *
 * @param streams that wait
 * @param sequences that they wait for
 * @param seconds of the teacher's time that those are expected to take; 0 where nothing has been measured
 */
public record QueueLine(PriorityClass priority, String tenant, int streams, int sequences, double seconds) {}
