/** Profile of a load run, and the sequences that it asks for: a pure function of its seed. */
@NullMarked
package dev.lyne.load.profile;

import org.jspecify.annotations.NullMarked;
