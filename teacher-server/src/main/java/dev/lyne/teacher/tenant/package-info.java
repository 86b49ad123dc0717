/** On whose behalf work is done: tenants, what they may do, and the flow of work that a request belongs to. */
@NullMarked
package dev.lyne.teacher.tenant;

import org.jspecify.annotations.NullMarked;
