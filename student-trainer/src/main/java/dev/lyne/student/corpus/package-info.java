/** Text in: files, directories and JSON lines, as documents in a fixed order. */
@NullMarked
package dev.lyne.student.corpus;

import org.jspecify.annotations.NullMarked;
