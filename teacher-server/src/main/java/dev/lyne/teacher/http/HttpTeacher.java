package dev.lyne.teacher.http;

import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.score.Scorer;
import java.util.Optional;

/**
 * A teacher that can be asked for over HTTP.
 *
 * @param sequences the stage that answers its sequences
 * @param text its tokenizer, where it has one
 */
public record HttpTeacher(TeacherDescription description, Scorer sequences, Optional<TextCodec> text) {
    int maxK(int limit) {
        return Math.min(Math.min(limit, sequences.maxK()), description.vocabularySize());
    }
}
