package dev.lyne.teacher.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LanguageModelTeacherTest {
    @TempDir
    private Path directory;

    @Test
    void load_paddedModel_describesTheTokenizersVocabulary() throws IOException {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        try (LanguageModelTeacher teacher =
                LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, true)) {
            teacher.warmUp();
            TeacherDescription description = teacher.description();

            assertThat(description.vocabularySize()).isBetween(257, 264);
            assertThat(description.contextLength()).isEqualTo(TinyModelDirectory.CONTEXT);
            assertThat(description.architecture()).isEqualTo("llama");
            assertThat(description.parameters()).isGreaterThan(10_000);
            assertThat(description.deterministic()).isTrue();
        }
    }

    @Test
    void load_tokenizerLargerThanTheModel_isRefusedNamingBoth() throws IOException {
        TinyModelDirectory.write(directory, 200);

        assertThatThrownBy(() -> LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("(expected: at most vocab_size=200 ");
    }
}
