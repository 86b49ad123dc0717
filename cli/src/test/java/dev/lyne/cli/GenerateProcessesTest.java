package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.DecodeEvent;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.files.DirectoryLock;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.ChildProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Text of a teacher's, from a server in a process of its own. */
final class GenerateProcessesTest {
    private static final int TEXTS = 8;
    private static final int DRAWS = 40;

    @TempDir
    Path shared;

    private static List<String> generate(TinyTraining tiny, String... arguments) {
        List<String> all = new ArrayList<>(List.of("generate", "--teacher", tiny.address(), "--seed", "3"));
        all.addAll(List.of(arguments));
        return all;
    }

    private static void run(TinyTraining tiny, String name, List<String> arguments) throws Exception {
        try (ChildProcess command = ChildProcess.start(name, tiny.log(name), 1, "256m", arguments)) {
            command.awaitSuccess();
        }
    }

    private static void assertRefused(TinyTraining tiny, Path prompts, Path out, String why) {
        InProcessCommand refused =
                InProcessCommand.run(generate(tiny, "--corpus", prompts.toString(), "--out", out.toString()));
        assertThat(refused.code()).as(refused.err()).isEqualTo(2);
        assertThat(refused.err()).contains(why);
    }

    /** A process of its own, which another one keeps out. */
    private static void assertKeptOut(TinyTraining tiny, String name, Path prompts, Path out, String why)
            throws Exception {
        try (ChildProcess command = ChildProcess.start(
                name,
                tiny.log(name),
                1,
                "256m",
                generate(tiny, "--corpus", prompts.toString(), "--out", out.toString()))) {
            assertThat(command.awaitEnd(120)).isEqualTo(1);
        }
        assertThat(tiny.log(name)).content().contains(why);
    }

    @Test
    void corpus_brokenOff_isGoneOnWithAsIfItHadNotBeen() throws Exception {
        var tiny = new TinyTraining(shared);
        Path prompts = shared.resolve("prompts.jsonl");
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            lines.add("{\"prompt\": \"The Congress of " + (1790 + i) + "\"}");
        }
        Files.write(prompts, lines);
        Path whole = shared.resolve("whole.jsonl");
        Path broken = shared.resolve("broken.jsonl");
        try (ChildProcess server = tiny.serve()) {
            run(
                    tiny,
                    "whole",
                    generate(tiny, "--corpus", prompts.toString(), "--out", whole.toString(), "--max-tokens", "20"));
            List<String> made = Files.readAllLines(whole);
            assertThat(made).hasSize(12);
            Set<String> responses = new HashSet<>();
            for (int i = 0; i < 12; i++) {
                JsonNode line = JsonMapper.shared().readTree(made.get(i));
                assertThat(line.get("prompt").asString()).isEqualTo("The Congress of " + (1790 + i));
                assertThat(line.get("finish_reason").asString()).isIn("stop", "length");
                responses.add(line.get("response").asString());
            }
            assertThat(responses).as("each has draws of its own").hasSizeGreaterThan(6);

            Path ended = shared.resolve("ended.jsonl");
            run(
                    tiny,
                    "ended",
                    generate(
                            tiny,
                            "--corpus",
                            prompts.toString(),
                            "--out",
                            ended.toString(),
                            "--max-tokens",
                            "20",
                            "--eos",
                            "0," + firstDraw(tiny, "The Congress of 1790")));
            JsonNode cut =
                    JsonMapper.shared().readTree(Files.readAllLines(ended).get(0));
            assertThat(cut.get("response").asString()).isEmpty();
            assertThat(cut.get("finish_reason").asString()).isEqualTo("stop");
            try (ChildProcess command = ChildProcess.start(
                    "outside", tiny.log("outside"), 1, "256m", generate(tiny, "--eos", "0,4096", "The war"))) {
                assertThat(command.awaitEnd(120)).isEqualTo(2);
            }
            assertThat(tiny.log("outside")).content().contains("--eos: 4096 (expected: ids of tokens, 0..4095 of ");

            byte[] bytes = Files.readAllBytes(whole);
            Files.write(broken, Arrays.copyOf(bytes, bytes.length * 2 / 3));
            Files.copy(shared.resolve("whole.jsonl.settings.json"), shared.resolve("broken.jsonl.settings.json"));
            assertRefused(
                    tiny,
                    prompts,
                    broken,
                    "was made with other settings: max_tokens: 256 (expected: 20); another --out begins anew");
            Path settings = shared.resolve("broken.jsonl.settings.json");
            String own = Files.readString(settings);
            Files.writeString(settings, own.replace("\"fingerprint\" : \"", "\"fingerprint\" : \"another than "));
            assertRefused(tiny, prompts, broken, " (expected: another than ");
            Files.writeString(settings, own);
            run(
                    tiny,
                    "on",
                    generate(
                            tiny,
                            "--corpus",
                            prompts.toString(),
                            "--out",
                            broken.toString(),
                            "--max-tokens",
                            "20",
                            "--in-flight",
                            "2"));
            assertThat(broken).hasSameBinaryContentAs(whole);

            Path hinted = shared.resolve("hinted.jsonl");
            Files.writeString(hinted, "{\"prompt\": \"What?\", \"teacher_prompt\": \"The Congress of 1790\"}\n");
            Path told = shared.resolve("told.jsonl");
            InProcessCommand.succeed(
                    generate(tiny, "--corpus", hinted.toString(), "--out", told.toString(), "--max-tokens", "20"));
            JsonNode line = JsonMapper.shared().readTree(Files.readString(told));
            assertThat(line.get("prompt").asString()).isEqualTo("What?");
            assertThat(line.get("teacher_prompt").asString()).isEqualTo("The Congress of 1790");
            assertThat(line.get("response"))
                    .as("the teacher continued its own prompt")
                    .isEqualTo(JsonMapper.shared().readTree(made.get(0)).get("response"));

            Path spelt = shared.resolve("spelt.jsonl");
            Files.writeString(
                    spelt, "\uFEFF{\"prompt\": \"The Congress of 1790\"}\r\n\r\n{\"prompt\": \"The war\"}\r\n\r\n");
            Path blanks = shared.resolve("blanks.jsonl");
            InProcessCommand.succeed(
                    generate(tiny, "--corpus", spelt.toString(), "--out", blanks.toString(), "--max-tokens", "20"));
            assertThat(Files.readAllLines(blanks)).hasSize(2).first().isEqualTo(made.get(0));
            Path no = shared.resolve("no.jsonl");
            Files.writeString(spelt, "{\"prompt\": \"a\"}\n\n{\"prompt\": \"b\", \"teacherPrompt\": \"c\"}\n");
            assertRefused(tiny, spelt, no, "line 3: field teacherPrompt (expected: teacher_prompt)");
            Files.writeString(spelt, "{\"prompt\": \"a\"} {\"prompt\": \"b\"}\n");
            assertRefused(tiny, spelt, shared.resolve("two.jsonl"), "line 1: no JSON at column ");
            Files.writeString(spelt, "{\"prompt\": \"a\", \"prompt\": \"b\"}\n");
            assertRefused(tiny, spelt, shared.resolve("two.jsonl"), "line 1: a name that comes twice at column ");

            Path other = shared.resolve("other.json");
            Files.writeString(other, "{\"precious\": true}");
            assertRefused(tiny, prompts, other, "its end is no line of prompt and response");
            assertThat(other).hasContent("{\"precious\": true}");

            byte[] before = Files.readAllBytes(broken);
            try (DirectoryLock another =
                    DirectoryLock.take(shared, ".broken.jsonl.lock").orElseThrow()) {
                String why = "out: " + broken + ": another run writes it (expected: one at a time)";
                assertKeptOut(tiny, "second", prompts, broken, why);
                Path link = Files.createSymbolicLink(shared.resolve("link.jsonl"), broken);
                assertKeptOut(tiny, "linked", prompts, link, "out: " + link + ": another run writes it");
            }
            assertThat(broken).hasBinaryContent(before);

            Path unended = shared.resolve("unended.jsonl");
            Files.writeString(unended, "{\"prompt\": \"The war\"}");
            assertRefused(tiny, unended, unended, "the file of the prompts (expected: another --out)");
            assertThat(unended).hasContent("{\"prompt\": \"The war\"}");

            Files.writeString(prompts, "{\"text\": \"no prompt\"}\n");
            assertRefused(tiny, prompts, shared.resolve("none.jsonl"), "line 1: no text \"prompt\"");
        }
    }

    /** The token that is drawn first behind the prompt of the first line. */
    private static int firstDraw(TinyTraining tiny, String prompt) throws Exception {
        try (Tokenizer tokenizer = Tokenizer.load(tiny.teacher());
                TeacherClient client = TeacherClient.connect(tiny.address(), ClientOptions.defaults());
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(3, Set.of()))) {
            int[] ids = IntStream.concat(tokenizer.wrapping().bosId().stream(), Arrays.stream(tokenizer.encode(prompt)))
                    .toArray();
            decoder.start(0, ids, 1);
            return ((DecodeEvent.Answered) decoder.take()).drawnIds()[0];
        }
    }

    private static Map<Long, List<Integer>> draw(TinyTraining tiny, Runnable inTheMiddle) throws Exception {
        Map<Long, List<Integer>> drawn = new HashMap<>();
        ClientOptions options = ClientOptions.builder()
                .backoff(Duration.ofMillis(50), Duration.ofMillis(200))
                .build();
        try (TeacherClient client = TeacherClient.connect(tiny.address(), options);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(9, Set.of()))) {
            for (int key = 0; key < TEXTS; key++) {
                decoder.start(key, new int[] {5, 6 + key}, DRAWS);
            }
            int events = 0;
            while (decoder.isOwed()) {
                DecodeEvent.Answered answered = (DecodeEvent.Answered) decoder.take();
                for (int id : answered.drawnIds()) {
                    drawn.computeIfAbsent(answered.key(), unused -> new ArrayList<>())
                            .add(id);
                }
                if (++events == TEXTS * DRAWS / 2) {
                    inTheMiddle.run();
                }
            }
        }
        return drawn;
    }

    @Test
    void serverKilledInTheMiddle_restartedServerGoesOnWithTheSameDraws() throws Exception {
        var tiny = new TinyTraining(shared);
        ChildProcess first = tiny.serve();
        Map<Long, List<Integer>> undisturbed = draw(tiny, () -> {});
        List<ChildProcess> second = new ArrayList<>();
        Map<Long, List<Integer>> disturbed = draw(tiny, () -> {
            TinyTraining.kill(first);
            try {
                second.add(tiny.serve());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        second.get(0).close();
        first.close();
        assertThat(undisturbed)
                .hasSize(TEXTS)
                .allSatisfy((key, ids) -> assertThat(ids).hasSize(DRAWS));
        assertThat(disturbed).isEqualTo(undisturbed);
    }
}
