package dev.lyne.client.capture;

import dev.lyne.client.TeacherDescription;
import dev.lyne.wire.capture.CapturedTeacher;
import java.util.Optional;

/** Teachers as captures name them, there and back. */
public final class CapturedTeachers {
    /** Temperatures that a block carries offsets for at most. */
    private static final int MAX_TEMPERATURES = 64;

    private CapturedTeachers() {}

    public static CapturedTeacher of(TeacherDescription teacher) {
        return new CapturedTeacher(
                teacher.name(),
                teacher.modelDigest(),
                teacher.tokenizerDigest(),
                teacher.vocabularySize(),
                teacher.contextLength(),
                teacher.architecture(),
                teacher.parameters(),
                teacher.deterministic(),
                teacher.tailError(),
                teacher.fingerprint());
    }

    public static TeacherDescription description(CapturedTeacher teacher) {
        return new TeacherDescription(
                teacher.name(),
                teacher.modelSha256(),
                teacher.tokenizerSha256(),
                teacher.fingerprint(),
                teacher.vocabularySize(),
                teacher.contextLength(),
                teacher.architecture(),
                teacher.parameters(),
                teacher.deterministic(),
                teacher.tailError(),
                new TeacherDescription.Abilities(teacher.vocabularySize(), MAX_TEMPERATURES, false),
                Optional.empty());
    }
}
