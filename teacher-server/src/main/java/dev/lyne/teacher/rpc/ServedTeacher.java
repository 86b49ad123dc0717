package dev.lyne.teacher.rpc;

import dev.lyne.teacher.cache.SingleFlight;
import dev.lyne.teacher.model.TeacherDescription;

/** A teacher that can be asked for, and the stage that answers its sequences. */
public record ServedTeacher(TeacherDescription description, SingleFlight sequences) {}
