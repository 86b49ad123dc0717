/** A teacher without a model: rows from a hash, at a stated cost, so that everything but the model can be measured. */
@NullMarked
package dev.lyne.teacher.synthetic;

import org.jspecify.annotations.NullMarked;
