/** Decoding sessions: their sequences, and which of them take the device's next step. */
@NullMarked
package dev.lyne.teacher.decode;

import org.jspecify.annotations.NullMarked;
