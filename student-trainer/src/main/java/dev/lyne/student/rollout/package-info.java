/** Texts that a student writes to train on, alone or with its teacher: prompts, responses, the file that keeps them. */
@NullMarked
package dev.lyne.student.rollout;

import org.jspecify.annotations.NullMarked;
