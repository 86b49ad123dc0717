package dev.lyne.student.rollout;

import dev.lyne.client.DecodeEvent;
import dev.lyne.client.TeacherDecoder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Texts of a teacher at the other end of the wire.
 *
 * @param together texts that are decoded at a time
 */
public record DecodedTexts(TeacherDecoder decoder, int together) implements TeacherTexts {
    private static final int[] NOTHING = {};

    @Override
    public List<int[]> of(List<Prompt> prompts, int maxTokens) throws InterruptedException {
        Map<Long, IntStream.Builder> texts = new HashMap<>();
        int context = decoder.teacher().contextLength();
        int begun = 0;
        int live = 0;
        while (begun < prompts.size() || live > 0) {
            while (begun < prompts.size() && live < together) {
                Prompt prompt = prompts.get(begun++);
                texts.put(prompt.key(), IntStream.builder());
                int[] seen = prompt.forTeacher();
                decoder.start(prompt.key(), seen, Math.min(maxTokens, context - seen.length));
                live++;
            }
            DecodeEvent event = decoder.take();
            if (event instanceof DecodeEvent.Answered answered) {
                IntStream.of(answered.drawnIds()).forEach(Objects.requireNonNull(texts.get(event.key())));
                if (!decoder.isOwed(event.key())) {
                    decoder.end(event.key(), NOTHING);
                }
            } else if (event instanceof DecodeEvent.Failed failed) {
                throw failed.failure();
            } else {
                live--;
            }
        }
        List<int[]> found = new ArrayList<>();
        prompts.forEach(prompt -> found.add(
                Objects.requireNonNull(texts.get(prompt.key())).build().toArray()));
        return found;
    }

    @Override
    public void close() {
        decoder.close();
    }
}
