package dev.lyne.teacher.rpc;

import dev.lyne.teacher.decode.DecodeSessions;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TokenizerFile;
import dev.lyne.teacher.score.Scorer;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * A teacher that can be asked for.
 *
 * @param sequences the stage that answers its sequences
 * @param devicePositions the positions that its device has worked through
 * @param tokenizer its tokenizer's files; none where it has no tokenizer
 * @param decoding its decoding sessions, where it decodes
 */
public record ServedTeacher(
        TeacherDescription description,
        Scorer sequences,
        LongSupplier devicePositions,
        List<TokenizerFile> tokenizer,
        Optional<DecodeSessions> decoding) {
    /** A teacher that does not decode. */
    public ServedTeacher(
            TeacherDescription description,
            Scorer sequences,
            LongSupplier devicePositions,
            List<TokenizerFile> tokenizer) {
        this(description, sequences, devicePositions, tokenizer, Optional.empty());
    }
}
