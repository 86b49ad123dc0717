package dev.lyne.load.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A simulated device that is fair to the last token: forwards of bounded time, one after the other, in which each place goes to the tenant, and
 * of it to the stream, that has got least while it had work. Closed-loop streams ask again a moment after a forward ends, when the next one
 * has begun: forwards are not interrupted. It knows nothing of virtual times; what the server does is compared with what it says.
 */
final class FairSchedule {
    private static final class Stream {
        private final int window;
        private int waiting;
        private double got;
        private long answered;

        Stream(int window) {
            this.window = window;
            this.waiting = window;
        }
    }

    private static final class Group {
        private final List<Stream> streams = new ArrayList<>();
        private double got;

        boolean waits() {
            return streams.stream().anyMatch(stream -> stream.waiting > 0);
        }
    }

    private FairSchedule() {}

    /**
     * Sequences a second of the first stream of the first tenant.
     *
     * @param windows of each tenant's streams
     * @param perForward sequences of a forward
     * @param forwardSeconds time of one
     */
    static double firstPerSecond(List<List<Integer>> windows, int perForward, double forwardSeconds) {
        List<Group> groups = new ArrayList<>();
        for (List<Integer> each : windows) {
            Group group = new Group();
            each.forEach(window -> group.streams.add(new Stream(window)));
            groups.add(group);
        }
        Stream first = groups.get(0).streams.get(0);
        List<Stream> returning = new ArrayList<>();
        int forwards = 10_000;
        for (int forward = 0; forward < forwards; forward++) {
            List<Stream> inForward = new ArrayList<>();
            while (inForward.size() < perForward) {
                List<Group> waiting = groups.stream().filter(Group::waits).toList();
                if (waiting.isEmpty()) {
                    break;
                }
                Group group = waiting.stream()
                        .min(Comparator.comparingDouble(each -> each.got))
                        .orElseThrow();
                Stream stream = group.streams.stream()
                        .filter(each -> each.waiting > 0)
                        .min(Comparator.comparingDouble(each -> each.got))
                        .orElseThrow();
                // Whoever was away saves nothing up: the others' least is where it goes on.
                double least = group.got;
                groups.stream().filter(each -> !each.waits()).forEach(each -> each.got = Math.max(each.got, least));
                double leastOfStreams = stream.got;
                group.streams.stream()
                        .filter(each -> each.waiting == 0)
                        .forEach(each -> each.got = Math.max(each.got, leastOfStreams));
                stream.waiting--;
                stream.got++;
                group.got++;
                inForward.add(stream);
            }
            returning.forEach(each -> each.waiting++);
            returning.clear();
            for (Stream stream : inForward) {
                stream.answered++;
                returning.add(stream);
            }
            if (forward == forwards / 2) {
                groups.forEach(group -> group.streams.forEach(each -> each.answered = 0));
            }
        }
        return first.answered / ((forwards - 1 - forwards / 2) * forwardSeconds);
    }
}
