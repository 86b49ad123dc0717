/** Who may speak to a server, and how: its certificate, the bearer tokens that it knows, both read again as they change. */
@NullMarked
package dev.lyne.teacher.access;

import org.jspecify.annotations.NullMarked;
