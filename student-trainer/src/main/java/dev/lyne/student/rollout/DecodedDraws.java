package dev.lyne.student.rollout;

import dev.lyne.client.DecodeEvent;
import dev.lyne.client.TeacherDecoder;
import java.util.Optional;
import java.util.stream.IntStream;

/** Draws of a teacher at the other end of the wire. */
public record DecodedDraws(TeacherDecoder decoder) implements TeacherDraws {
    private static final int[] NOTHING = {};

    @Override
    public void begin(long key, int[] prompt) {
        decoder.start(key, prompt, 0);
    }

    @Override
    public void tell(long key, int[] taken, boolean draw) {
        decoder.step(key, taken, draw ? 1 : 0);
    }

    @Override
    public void end(long key, int[] taken) {
        decoder.end(key, taken);
    }

    @Override
    public Optional<Answer> poll() throws InterruptedException {
        return decoder.poll().map(DecodedDraws::answer);
    }

    @Override
    public Answer take() throws InterruptedException {
        return answer(decoder.take());
    }

    private static Answer answer(DecodeEvent event) {
        if (event instanceof DecodeEvent.Answered answered) {
            float[] found = answered.proposalLogProbabilities();
            int[] drawn = answered.drawnIds();
            return new Answer(
                    event.key(),
                    IntStream.range(0, found.length).mapToDouble(i -> found[i]).toArray(),
                    drawn.length == 0 ? Optional.empty() : Optional.of(drawn[0]),
                    false);
        }
        if (event instanceof DecodeEvent.Failed failed) {
            throw failed.failure();
        }
        return new Answer(event.key(), IntStream.of(NOTHING).asDoubleStream().toArray(), Optional.empty(), true);
    }

    @Override
    public void close() {
        decoder.close();
    }
}
