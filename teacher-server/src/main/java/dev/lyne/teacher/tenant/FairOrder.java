package dev.lyne.teacher.tenant;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Whose turn it is: weighted fair queueing of the device's time between classes, in a class between tenants, of a tenant between
 * streams; in order of arrival within a stream. Start-time fair queueing, one level in another (Goyal, Vin and Cheng, 1996, sections 2
 * and 3). Not safe for several threads.
 *
 * <p>The invariant. Each class, tenant and stream has a <em>tag</em>: the virtual time at which its next turn starts. Whoever has work and
 * the least tag among its siblings is next; what is charged to it moves its tag on by cost ÷ weight. The virtual time of a level is the
 * greatest tag that was served. Who comes back after a pause starts no earlier than that, so that nothing is saved up by not asking; who
 * owes, because others' work was pulled ahead into its turn, comes back with what it owes. So over any time in which two siblings have
 * work, what they got of the device differs, each by its weight, by no more than one piece of work of either: the theorem of the paper.
 * Where a level has nothing left to do, its virtual time passes every tag, and nobody owes any more.
 *
 * <p>A piece of work may belong to several streams. It stands in the line of each, so it has the earliest of their turns, and is charged in
 * equal parts to the tenants that wait for it when it starts, and of a tenant to its streams.
 *
 * @param <W> a piece of work, told apart by identity or equality
 */
public final class FairOrder<W> {
    /** Idle streams with debts that are kept, beside those with work. */
    private static final int MAX_IDLE = 1_024;

    private static final Comparator<Node<?>> BY_TAG =
            Comparator.<Node<?>>comparingDouble(node -> node.tag).thenComparingLong(node -> node.id);

    /** A class, a tenant of a class, or a stream of a tenant. */
    private static final class Node<W> {
        private final long id;
        private final Optional<Node<W>> parent;
        private final TreeSet<Node<W>> active = new TreeSet<>(BY_TAG); // children with work, not set aside
        private final LinkedHashSet<W> line = new LinkedHashSet<>(); // of a stream
        private int busyChildren; // those with work, also those set aside
        private int knownChildren;
        private double busyWeight; // of children with work
        private int sequences; // of a tenant
        private double backlog; // cost of the work that waits below
        private double weight = 1;
        private double tag;
        private double virtualTime;
        private double greatestTag;

        Node(long id, Optional<Node<W>> parent) {
            this.id = id;
            this.parent = parent;
        }

        boolean hasWork() {
            return !line.isEmpty() || busyChildren > 0;
        }

        /** Enters a stream that has work now among its siblings, and those above it that had none. */
        void activate() {
            Node<W> node = this;
            while (node.parent.isPresent()) {
                Node<W> above = node.parent.get();
                node.tag = Math.max(node.tag, above.virtualTime);
                above.active.add(node);
                above.busyWeight += node.weight;
                if (++above.busyChildren > 1) {
                    return;
                }
                node = above;
            }
        }

        /** Takes a stream out that has no work any more, and those above it that have none without it. */
        void deactivate() {
            Node<W> node = this;
            while (node.parent.isPresent()) {
                Node<W> above = node.parent.get();
                above.active.remove(node);
                above.busyWeight -= node.weight;
                if (--above.busyChildren > 0) {
                    above.hideWhereAllAreAside();
                    return;
                }
                above.virtualTime = Math.max(above.virtualTime, above.greatestTag);
                node = above;
            }
        }

        /** Takes it out while all of its children with work are set aside, and those above it likewise. */
        void hideWhereAllAreAside() {
            Node<W> node = this;
            while (node.active.isEmpty() && node.parent.isPresent()) {
                Node<W> above = node.parent.get();
                above.active.remove(node);
                node = above;
            }
        }

        /** Counts work that waits, or waits no more, here and above. */
        void addBacklog(double cost) {
            Node<W> node = this;
            while (true) {
                node.backlog = Math.max(0, node.backlog + cost);
                if (node.parent.isEmpty()) {
                    return;
                }
                node = node.parent.get();
            }
        }

        void weigh(double now) {
            if (hasWork()) {
                parent.orElseThrow().busyWeight += now - weight;
            }
            weight = now;
        }

        /** Moves its tag on, and those above it. */
        void charge(double cost) {
            Node<W> node = this;
            while (node.parent.isPresent()) {
                node.moveTo(node.tag + cost / node.weight);
                node = node.parent.get();
            }
        }

        /** Moves a stream's tag on where its siblings have work, as far as it may owe, and its tenant's likewise; no class owes for one of its tenants. */
        void owe(double cost, double most) {
            Node<W> node = this;
            while (node.parent.isPresent() && node.parent.get().parent.isPresent()) {
                Node<W> above = node.parent.get();
                if (above.busyChildren > (node.hasWork() ? 1 : 0)) {
                    double from = Math.max(node.tag, above.virtualTime);
                    double to = Math.min(from + cost / node.weight, above.virtualTime + most / node.weight);
                    node.moveTo(Math.max(node.tag, to));
                }
                node = above;
            }
        }

        private void moveTo(double to) {
            Node<W> above = parent.orElseThrow();
            boolean entered = above.active.remove(this); // before its place in the order changes
            boolean first = entered && (above.active.isEmpty() || BY_TAG.compare(this, above.active.first()) < 0);
            if (first) {
                above.virtualTime = Math.max(above.virtualTime, tag);
            }
            tag = to;
            above.greatestTag = Math.max(above.greatestTag, tag);
            if (entered) {
                above.active.add(this);
            }
        }
    }

    private record TenantKey(PriorityClass priority, String name) {}

    private record StreamKey(PriorityClass priority, String tenant, long stream) {
        static StreamKey of(Flow flow) {
            return new StreamKey(flow.priority(), flow.tenant().name(), flow.stream());
        }
    }

    private final Node<W> root = new Node<>(0, Optional.empty());
    private final Map<PriorityClass, Node<W>> classes = new EnumMap<>(PriorityClass.class);
    private final Map<TenantKey, Node<W>> tenants = new HashMap<>();
    private final Map<StreamKey, Node<W>> streams = new HashMap<>();
    private final Map<W, List<Flow>> flowsByWork = new HashMap<>();
    private final Map<W, Double> expected = new HashMap<>();
    private final List<Node<W>> aside = new ArrayList<>();
    private long ids;
    private int streamsWithWork;

    /** An order in which nobody has asked for anything. */
    public FairOrder() {
        for (PriorityClass each : PriorityClass.values()) { // the most urgent first, also among equal tags
            Node<W> level = child(root);
            level.weight = each.weight();
            classes.put(each, level);
        }
    }

    /**
     * Enters work at the end of the lines of those who ask for it, or changes who they are.
     *
     * @param cost what it is expected to cost
     */
    public void put(W work, List<Flow> flows, double cost) {
        expected.putIfAbsent(work, cost);
        List<Flow> distinct = flows.stream().distinct().toList();
        List<Flow> before = flowsByWork.getOrDefault(work, List.of());
        flowsByWork.put(work, distinct);
        for (Flow flow : distinct) {
            enter(stream(flow), work);
        }
        Set<StreamKey> kept =
                new LinkedHashSet<>(distinct.stream().map(StreamKey::of).toList());
        before.stream().filter(flow -> !kept.contains(StreamKey.of(flow))).forEach(flow -> leave(stream(flow), work));
    }

    /** Takes work out of all lines, charged to nobody. */
    public void remove(W work) {
        List<Flow> flows = flowsByWork.remove(work);
        if (flows != null) {
            flows.forEach(flow -> leave(stream(flow), work));
            expected.remove(work);
        }
    }

    /**
     * How long work that a stream asked for now would wait, in units of cost: what is before it in its own line, while all that wait get
     * their shares, and no more than what waits at all.
     */
    public double expectedWait(Flow flow) {
        Node<W> node = stream(flow);
        double wait = node.backlog;
        while (node.parent.isPresent()) {
            Node<W> above = node.parent.get();
            double all = above.busyWeight + (node.hasWork() ? 0 : node.weight);
            wait = Math.min(wait * all / node.weight, above.backlog);
            node = above;
        }
        return wait;
    }

    /**
     * Line of what waits, of a tenant in a class.
     *
     * @param streams that have work
     * @param sequences pieces of work, each once for each stream that waits for it
     */
    public record TenantLine(PriorityClass priority, String tenant, int streams, int sequences, double cost) {}

    /** Returns the lines of what waits, the most urgent class first. */
    public List<TenantLine> lines() {
        List<TenantLine> lines = new ArrayList<>();
        tenants.forEach((key, node) -> {
            if (node.hasWork()) {
                lines.add(new TenantLine(key.priority(), key.name(), node.busyChildren, node.sequences, node.backlog));
            }
        });
        lines.sort(Comparator.comparing(TenantLine::priority).thenComparing(TenantLine::tenant));
        return lines;
    }

    /** Takes work out to be done, and charges it to those who wait for it. */
    public void take(W work, double cost) {
        List<Flow> flows = flowsByWork.getOrDefault(work, List.of());
        Map<String, Long> ofTenant = new HashMap<>();
        flows.forEach(flow -> ofTenant.merge(flow.tenant().name(), 1L, Long::sum));
        for (Flow flow : flows) {
            double share =
                    cost / ofTenant.size() / ofTenant.getOrDefault(flow.tenant().name(), 1L);
            stream(flow).charge(share);
        }
        remove(work);
    }

    /**
     * Charges a stream and its tenant for what it got elsewhere, where others of its tenant, or of its class, have work now.
     *
     * @param most what it and its tenant may come to owe so, lest who got much while others had little to do waits for ever
     */
    public void charge(Flow flow, double cost, double most) {
        if (root.busyChildren > 0) {
            stream(flow).owe(cost, most);
            forgetIdle();
        }
    }

    /** Whether nothing waits, or all that does is set aside. */
    public boolean isEmpty() {
        return root.active.isEmpty();
    }

    /** How many streams wait. */
    public int waitingStreams() {
        return streamsWithWork;
    }

    /** Streams in the table, waiting or not. */
    int knownStreams() {
        return streams.size();
    }

    /** The first piece of work of the stream whose turn it is. */
    public W first() {
        return next().line.iterator().next();
    }

    /**
     * The first fitting piece of work of the stream whose turn it is; where it has none, its turn passes to the next, until {@link
     * #putBack}.
     *
     * @param lookAhead how far behind the first one of a stream is looked for
     */
    public Optional<W> firstFitting(Predicate<W> fits, int lookAhead) {
        while (!isEmpty()) {
            Node<W> stream = next();
            int looked = 0;
            for (W work : stream.line) {
                if (fits.test(work)) {
                    return Optional.of(work);
                }
                if (++looked == lookAhead) {
                    break;
                }
            }
            setAside(stream);
        }
        return Optional.empty();
    }

    /** Gives those their turns back that were passed over. */
    public void putBack() {
        for (Node<W> stream : aside) {
            Node<W> node = stream;
            while (node.hasWork() && node.parent.isPresent()) {
                node.parent.get().active.add(node); // with the tag that it had: it waited all the time
                node = node.parent.get();
            }
        }
        aside.clear();
    }

    private void setAside(Node<W> stream) {
        aside.add(stream);
        Node<W> tenant = stream.parent.orElseThrow();
        tenant.active.remove(stream);
        tenant.hideWhereAllAreAside();
    }

    private Node<W> next() {
        if (root.active.isEmpty()) {
            throw new NoSuchElementException("nothing waits");
        }
        return root.active.first().active.first().active.first();
    }

    private void enter(Node<W> stream, W work) {
        boolean idle = stream.line.isEmpty();
        if (!stream.line.add(work)) {
            return;
        }
        stream.addBacklog(expected(work));
        stream.parent.orElseThrow().sequences++;
        if (idle) {
            streamsWithWork++;
            stream.activate();
        }
    }

    private double expected(W work) {
        return expected.getOrDefault(work, 0.0);
    }

    private void leave(Node<W> stream, W work) {
        if (!stream.line.remove(work)) {
            return;
        }
        stream.addBacklog(-expected(work));
        stream.parent.orElseThrow().sequences--;
        if (stream.line.isEmpty()) {
            streamsWithWork--;
            stream.deactivate();
            forgetIdle();
        }
    }

    private Node<W> stream(Flow flow) {
        Node<W> level = Objects.requireNonNull(classes.get(flow.priority()));
        Node<W> tenant = tenants.computeIfAbsent(
                new TenantKey(flow.priority(), flow.tenant().name()), unused -> child(level));
        tenant.weigh(flow.tenant().weight());
        return streams.computeIfAbsent(StreamKey.of(flow), unused -> child(tenant));
    }

    private Node<W> child(Node<W> above) {
        above.knownChildren++;
        return new Node<>(++ids, Optional.of(above));
    }

    /** Forgets idle streams and tenants, first those that owe nothing. Streams come and go; the table must not grow with them. */
    private void forgetIdle() {
        if (streams.size() <= 2 * streamsWithWork + MAX_IDLE) {
            return;
        }
        forget(streams, node -> node.tag <= node.parent.orElseThrow().virtualTime);
        if (streams.size() > 2 * streamsWithWork + MAX_IDLE) {
            forget(streams, node -> true);
        }
        forget(tenants, node -> node.knownChildren == 0);
    }

    private static <K, W> void forget(Map<K, Node<W>> nodes, Predicate<Node<W>> which) {
        nodes.values().removeIf(node -> {
            boolean forgotten = !node.hasWork() && which.test(node);
            if (forgotten) {
                node.parent.orElseThrow().knownChildren--;
            }
            return forgotten;
        });
    }
}
