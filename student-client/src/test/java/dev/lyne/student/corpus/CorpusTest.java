package dev.lyne.student.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.tokens.Document;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CorpusTest {
    @TempDir
    Path directory;

    @Test
    void read_directory_givesFilesByPathWithoutHiddenOnes() throws IOException {
        write("b.txt", "bee");
        write("a/z.txt", "zed");
        write("a/lines.jsonl", "{\"text\":\"one\"}\n\n{\"text\":\"two\",\"year\":1790}\n");
        write(".git/config", "secret");
        assertThat(texts(Corpus.of(List.of(directory), Optional.empty()))).containsExactly("one", "two", "zed", "bee");
    }

    @Test
    void read_inputsGivenTwice_keepsTheOrderGiven() throws IOException {
        Path b = write("b.txt", "bee");
        Path a = write("a.txt", "ay");
        assertThat(texts(Corpus.of(List.of(b, a), Optional.empty()))).containsExactly("bee", "ay");
    }

    @Test
    void read_compressedLines_givesTheSameAsPlain() throws IOException {
        Path file = directory.resolve("c.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
            out.write("{\"body\":\"häh\"}\n{\"body\":\"2\"}".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(texts(Corpus.of(List.of(file), Optional.of("body")))).containsExactly("häh", "2");
    }

    @Test
    void read_promptAndResponse_keepsThePromptApart() throws IOException {
        Path file = write("p.jsonl", "{\"prompt\":\"Q: \",\"response\":\"A\"}\n");
        List<Document> documents = documents(Corpus.of(List.of(file), Optional.empty()));
        assertThat(documents).containsExactly(new Document(file + ":1", "Q: ", "A"));
    }

    @Test
    void read_wrongLine_namesFileLineAndExpectation() throws IOException {
        assertRefused(
                "{\"text\":\"a\"}\n{\"title\":\"b\"}\n", ":2: fields title (expected: text, or prompt and response)");
        assertRefused("{\"text\":3}\n", ":1: field text is NUMBER (expected: a string that is not empty)");
        assertRefused("{\"text\":\"\"}\n", ":1: field text is empty");
        assertRefused("[1]\n", ":1: ARRAY (expected: one JSON object a line)");
        assertRefused("{\"text\":\"a\"}\n{\"te", ":2: ");
    }

    @Test
    void read_bytesThatAreNotUtf8_namesTheByte() throws IOException {
        Path file = directory.resolve("bad.txt");
        Files.write(file, new byte[] {'a', 'b', (byte) 0xff, 'c'});
        Corpus corpus = Corpus.of(List.of(file), Optional.empty());
        assertThatThrownBy(() -> texts(corpus))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("bad.txt: byte 2 is not UTF-8");
    }

    @Test
    void read_truncatedGzip_isRefused() throws IOException {
        Path whole = directory.resolve("whole.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(whole))) {
            out.write("{\"text\":\"some text\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        byte[] bytes = Files.readAllBytes(whole);
        Path cut = directory.resolve("cut.jsonl.gz");
        Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 12));
        Corpus corpus = Corpus.of(List.of(cut), Optional.empty());
        assertThatThrownBy(() -> texts(corpus))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("cut.jsonl.gz:1: the gzip data is damaged");
    }

    @Test
    void of_inputThatIsNotThere_isRefused() {
        assertThatThrownBy(() -> Corpus.of(List.of(directory.resolve("none")), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("none does not exist");
        assertThatThrownBy(() -> Corpus.of(List.of(directory), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("holds no file");
    }

    @Test
    void sha256_sameBytesUnderAnotherName_isTheSame() throws IOException {
        byte[] first =
                Corpus.of(List.of(write("a.txt", "same")), Optional.empty()).sha256();
        byte[] second =
                Corpus.of(List.of(write("b.txt", "same")), Optional.empty()).sha256();
        byte[] other =
                Corpus.of(List.of(write("c.txt", "other")), Optional.empty()).sha256();
        assertThat(first).isEqualTo(second).isNotEqualTo(other).hasSize(32);
    }

    private void assertRefused(String lines, String message) throws IOException {
        Corpus corpus = Corpus.of(List.of(write("x.jsonl", lines)), Optional.empty());
        assertThatThrownBy(() -> texts(corpus))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("x.jsonl" + message);
    }

    private Path write(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static List<String> texts(Corpus corpus) throws IOException {
        return documents(corpus).stream().map(Document::text).toList();
    }

    private static List<Document> documents(Corpus corpus) throws IOException {
        List<Document> documents = new ArrayList<>();
        corpus.read((document, bytesRead) -> documents.add(document));
        return documents;
    }
}
