/** The teacher that the server scores sequences with, its identity, and why a sequence may get no rows. */
@NullMarked
package dev.lyne.teacher.model;

import org.jspecify.annotations.NullMarked;
