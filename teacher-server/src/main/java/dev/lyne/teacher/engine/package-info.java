/**
 * An inference engine elsewhere as a {@link dev.lyne.teacher.model.Teacher}: {@link dev.lyne.teacher.engine.EngineTeacher} asks it for the
 * log-probabilities of prompts over HTTP, checks and maps every answer, spreads sequences over its addresses, and guards its identity with a
 * probe, because no engine says which weights it holds.
 */
@NullMarked
package dev.lyne.teacher.engine;

import org.jspecify.annotations.NullMarked;
