/** Access to a server: its certificate and the bearer tokens that it knows, both read again as they change. */
@NullMarked
package dev.lyne.teacher.access;

import org.jspecify.annotations.NullMarked;
