/** A capture in a teacher's place: what was recorded of it, served without a model. */
@NullMarked
package dev.lyne.teacher.replay;

import org.jspecify.annotations.NullMarked;
