package com.example.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.TeacherMismatchException;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of docs/embedding.md against a real server with the shipped teacher, and the text around it. */
final class DistillingTrainerTest {
    private static final Path ROOT = Path.of("..", "..");
    private static final Path TEACHER = ROOT.resolve(Path.of("examples", "state-of-the-union", "teacher"));
    private static final String TEXT = """
        Mr. Speaker, Mr. President, Members of the Congress, and fellow citizens: the state of our Union is strong. \
        We have come together to ask what the people of the United States expect of this Congress and of this \
        Government, and how peace and liberty may be kept at home and abroad. The Treasury has paid its debts, the \
        harvest has been good, and our commerce with other nations has grown in every one of the last four years. \
        """;

    @TempDir
    private Path directory;

    private static TeacherServer serve() throws IOException, InterruptedException {
        var options = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
        return TeacherServer.start(
                List.of(LanguageModelTeacher.load("demo", TEACHER, options, false)),
                TeacherServerOptions.builder().build());
    }

    @Test
    void student_comesCloserToTheTeacherInEveryPass() throws IOException, InterruptedException {
        try (TeacherServer server = serve();
                Tokenizer tokenizer = Tokenizer.load(TEACHER)) {
            int[] tokens = tokenizer.encode(TEXT.repeat(2));
            var passes = DistillingTrainer.train(
                    "127.0.0.1:" + server.port(),
                    tokenizer,
                    DistillingTrainer.windows(tokens),
                    new BigramStudent(tokenizer.vocabularySize()),
                    3);
            assertThat(passes).extracting(DistillingTrainer.Pass::positions).containsOnly((long) tokens.length - 1);
            assertThat(passes.get(1).divergence()).isLessThan(passes.get(0).divergence());
            assertThat(passes.get(2).divergence()).isLessThan(passes.get(1).divergence());
        }
    }

    @Test
    void otherTokenIds_areRefusedBeforeARowIsSent() throws IOException, InterruptedException {
        try (TeacherServer server = serve();
                Tokenizer other = otherTokenizer()) {
            assertThatThrownBy(() -> DistillingTrainer.train(
                            "127.0.0.1:" + server.port(), other, List.of(new int[] {1, 2, 3}), new BigramStudent(8), 1))
                    .isInstanceOf(TeacherMismatchException.class);
        }
    }

    /** The teacher's tokenizer with two ids exchanged. */
    private Tokenizer otherTokenizer() throws IOException {
        String json = Files.readString(TEACHER.resolve(Tokenizer.FILE_NAME));
        String exchanged = json.replace("\"A\" : 33,", "\"A\" : 34,").replace("\"B\" : 34,", "\"B\" : 33,");
        assertThat(exchanged).isNotEqualTo(json);
        Files.writeString(directory.resolve(Tokenizer.FILE_NAME), exchanged);
        return Tokenizer.load(directory);
    }

    @Test
    void codeInTheGuide_isThatOfTheExample() throws IOException {
        String guide = Files.readString(ROOT.resolve(Path.of("docs", "embedding.md")));
        String source =
                Files.readString(Path.of("src", "main", "java", "com", "example", "trainer", "DistillingTrainer.java"));
        var blocks = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(guide);
        int found = 0;
        while (blocks.find()) {
            if (blocks.group(1).startsWith("package ")) {
                continue; // a program of its own, which a test of the client library compiles
            }
            assertThat(source).contains(blocks.group(1).indent(4).replace("\n    \n", "\n\n"));
            found++;
        }
        assertThat(found).isEqualTo(2);
    }
}
