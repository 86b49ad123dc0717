/** Tenants, on whose behalf work is done: what they may do, and the flow of work that a request belongs to. */
@NullMarked
package dev.lyne.teacher.tenant;

import org.jspecify.annotations.NullMarked;
