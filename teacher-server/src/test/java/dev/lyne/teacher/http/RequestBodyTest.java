package dev.lyne.teacher.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Enumeration;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RequestBodyTest {
    private static final int LONGEST = 1_000;

    private static InputStream text(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A body that goes on for ever: who reads it to its end never comes back, and has no memory for it. */
    private static InputStream endless(String start, IntFunction<String> more) {
        Enumeration<InputStream> parts = new Enumeration<>() {
            private int next = -1;

            @Override
            public boolean hasMoreElements() {
                return true;
            }

            @Override
            public InputStream nextElement() {
                return text(next++ < 0 ? start : more.apply(next));
            }
        };
        return new FilterInputStream(new SequenceInputStream(parts)) {
            @Override
            public void close() {} // it would look for the last part
        };
    }

    private static BadRequest refusal(InputStream body) {
        return catchThrowableOfType(BadRequest.class, () -> RequestBody.read(body, LONGEST));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt\": [ | {}, | prompt: keys and values (expected: text, token ids",
                "{\"prompt\": [ | [1], | prompt: more than 4096 (expected: at most 4096)",
                "{\"prompt\": [[ | 7, | prompt: more than 1000 token ids (expected: at most as many",
                "{\"prompt\": [ | 7, | prompt: more than 1000 token ids",
                "{\"prompt\": [[[ | [ | prompt: a list (expected: a token id)",
                "{\"stop\": [ | \"a\", | stop: more than 4096 values",
                "{\"stop\": [{},[ | {}, | stop: more than 4096 values",
                "{\"stop\": | [ | the body: nested deeper than 16",
            })
    void read_moreThanIsTaken_isRefusedBeforeItIsRead(String start, String more, String words) {
        assertThat(refusal(endless(start, unused -> more))).hasMessageContaining(words);
    }

    @Test
    void read_keysWithoutEnd_isRefused() {
        assertThat(refusal(endless("{", number -> "\"k" + number + "\": null,")))
                .hasMessageContaining("the body: more than 256 keys");
    }

    @Test
    void read_prompts_areThoseThatStandThere() throws Exception {
        RequestBody body =
                RequestBody.read(text("{\"a\": {\"b\": [1, 2.5, true, null]}, \"prompt\": [[1,2],\"x\"]}"), 9);
        assertThat(body.prompts()).hasSize(2);
        assertThat(body.prompts().get(0).ids()).containsExactly(1, 2);
        assertThat(body.prompts().get(1).text()).isEqualTo("x");
        assertThat(body.others().toString()).isEqualTo("{\"a\":{\"b\":[1,2.5,true,null]}}");
        int[] longest =
                Collections.nCopies(LONGEST, 7).stream().mapToInt(i -> i).toArray();
        String ids = Collections.nCopies(LONGEST, "7").toString();
        assertThat(RequestBody.read(text("{\"prompt\":" + ids + "}"), LONGEST)
                        .prompts()
                        .get(0)
                        .ids())
                .isEqualTo(longest);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} 7 | something behind its end",
                "{\"a\": | a syntax error",
                "{\"a\": {\"b\": 1, \"b\": 2}} | b stands there twice",
                "{\"prompt\": [4294967296]} | prompt: 4294967296 (expected: a token id)",
                "{\"prompt\": [1.5]} | prompt: 1.5 (expected: a token id)",
                "{\"prompt\": {}} | prompt: keys and values (expected: text",
                "{\"prompt\": [[]]} | prompt: an empty list",
            })
    void read_whatIsNoRequest_isRefused(String body, String words) {
        assertThat(refusal(text(body))).hasMessageContaining(words);
    }
}
