package dev.lyne.teacher.rpc;

import dev.lyne.teacher.cache.Scorer;
import dev.lyne.teacher.model.TeacherDescription;

/** A teacher that can be asked for, and the stage that answers its sequences. */
public record ServedTeacher(TeacherDescription description, Scorer sequences) {}
