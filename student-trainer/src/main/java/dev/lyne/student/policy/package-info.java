/** The arithmetic of training on text that student and teacher wrote: proposals, rewards, advantages. Knows no model and no network. */
@NullMarked
package dev.lyne.student.policy;

import org.jspecify.annotations.NullMarked;
