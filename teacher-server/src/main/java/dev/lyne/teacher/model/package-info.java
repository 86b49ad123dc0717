/** What the server scores sequences with: a teacher, its identity, and why a sequence may get no rows. */
@NullMarked
package dev.lyne.teacher.model;

import org.jspecify.annotations.NullMarked;
