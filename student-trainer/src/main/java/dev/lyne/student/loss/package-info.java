/** Distillation losses on sparse targets, with closed-form gradients, and the columns they read. */
@NullMarked
package dev.lyne.student.loss;

import org.jspecify.annotations.NullMarked;
