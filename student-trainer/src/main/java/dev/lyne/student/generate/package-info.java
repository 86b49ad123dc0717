/** Text of a teacher's, made for a student to learn from. */
@NullMarked
package dev.lyne.student.generate;

import org.jspecify.annotations.NullMarked;
