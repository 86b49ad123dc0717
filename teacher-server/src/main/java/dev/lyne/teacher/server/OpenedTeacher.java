package dev.lyne.teacher.server;

import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.replay.ReplayedTeacher;

/** An opened teacher that a server answers with under a name, its own to close. */
public sealed interface OpenedTeacher {
    /** Identity and bounds. */
    TeacherDescription description();

    /** A model in this process, which gets a device thread. */
    record Local(LocalModel model) implements OpenedTeacher {
        @Override
        public TeacherDescription description() {
            return model.description();
        }
    }

    /** A teacher that brings its own threads, such as an inference engine elsewhere. */
    record Remote(Teacher teacher) implements OpenedTeacher {
        @Override
        public TeacherDescription description() {
            return teacher.description();
        }
    }

    /** A capture in a teacher's place. */
    record Captured(ReplayedTeacher capture) implements OpenedTeacher {
        @Override
        public TeacherDescription description() {
            return capture.description();
        }
    }
}
