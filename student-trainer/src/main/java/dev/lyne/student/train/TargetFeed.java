package dev.lyne.student.train;

import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Targets in training order, asked for ahead of time as far as each stream's window reaches, so that the network hides behind
 * the steps. A sequence that fails is asked again.
 */
final class TargetFeed implements StepFeed {
    /** Most windows ahead that are looked through for a teacher that is seldom asked. */
    private static final long MOST_AHEAD = 1 << 16;

    /** A teacher's stream, which hands out the windows that are its own in training order. */
    private static final class Lane {
        private final TargetStream stream;
        private final RetryingTake taking;
        private long nextOffered;

        Lane(TargetStream stream, RetryingTake taking, long nextOffered) {
            this.stream = stream;
            this.taking = taking;
            this.nextOffered = nextOffered;
        }
    }

    private final List<Lane> lanes;
    private final TeacherChoice choice;
    private final WindowSequence sequence;
    private final long end;
    private long nextTaken;

    /** Streams of all teachers, and which of them is asked for a window. */
    record Teachers(List<TargetStream> streams, TeacherChoice choice) {
        /** Returns a lone teacher. */
        static Teachers of(TargetStream stream) {
            return new Teachers(List.of(stream), TeacherChoice.ALONE);
        }
    }

    /**
     * @param first place of the first window wanted
     * @param end place after the last one
     */
    TargetFeed(
            Teachers teachers,
            WindowSequence sequence,
            long first,
            long end,
            LongSupplier nanoTicker,
            BooleanSupplier stopRequested) {
        this.lanes = teachers.streams().stream()
                .map(stream -> new Lane(stream, new RetryingTake(stream, nanoTicker, stopRequested), first))
                .toList();
        this.choice = teachers.choice();
        this.sequence = sequence;
        this.nextTaken = first;
        this.end = end;
    }

    @Override
    public List<StepFeed.Item> next(int count) throws InterruptedException {
        lanes.forEach(lane -> lane.taking.startStep());
        List<StepFeed.Item> items = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            offerAhead();
            int teacher = choice.at(nextTaken);
            TargetSequence asked = asked(nextTaken++);
            Optional<Targets> targets = lanes.get(teacher).taking.take(asked);
            Window window = new Window(asked.tokens(), asked.positions());
            items.add(new StepFeed.Item(window, targets, Optional.empty(), teacher));
        }
        return items;
    }

    @Override
    public List<String> failures() {
        return lanes.stream().flatMap(lane -> lane.taking.failures().stream()).toList();
    }

    /** Windows so far that a second replica was asked for, and those of them that it answered first; nothing where there are none. */
    @Override
    public Map<String, Double> scheduled() {
        List<StreamStatistics.Hedges> hedges =
                lanes.stream().map(lane -> lane.stream.statistics().hedges()).toList();
        double asked =
                hedges.stream().mapToDouble(StreamStatistics.Hedges::asked).sum();
        double won = hedges.stream().mapToDouble(StreamStatistics.Hedges::won).sum();
        return asked == 0 ? Map.of() : Map.of("hedged", asked, "hedges_won", won);
    }

    @Override
    public long stallNanos() {
        return lanes.stream().mapToLong(lane -> lane.taking.stallNanos()).sum();
    }

    private void offerAhead() {
        long most = end - nextTaken > MOST_AHEAD ? nextTaken + MOST_AHEAD : end;
        for (int teacher = 0; teacher < lanes.size(); teacher++) {
            Lane lane = lanes.get(teacher);
            while (lane.nextOffered < most
                    && (choice.at(lane.nextOffered) != teacher || lane.stream.offer(asked(lane.nextOffered)))) {
                lane.nextOffered++;
            }
        }
    }

    private TargetSequence asked(long place) {
        Window window = sequence.at(place);
        return new TargetSequence(
                sequence.corpusIndex(place), window.tokens(), window.positions(), new int[0][], window.teacherTokens());
    }

    @Override
    public void close() {
        lanes.forEach(lane -> lane.stream.close());
    }
}
