package dev.lyne.teacher.engine;

import dev.lyne.files.DirectoryLock;
import dev.lyne.row.RowColumns;
import dev.lyne.teacher.engine.EngineException.Kind;
import dev.lyne.teacher.model.ModelDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out what an engine is before it serves: its version, its bounds, and whether it is the teacher of the identity file. Asks the
 * addresses in turn until one answers. Used once, on one thread, which it blocks.
 */
final class EngineStart {
    private static final Logger LOG = LoggerFactory.getLogger(EngineStart.class);
    private static final long BETWEEN_TRIES_MILLIS = 500;
    private static final String LOCK = ".lyne-identity.lock";

    /** Kinds of failure of an engine that is not there yet. */
    private static final Set<Kind> MAY_COME = EnumSet.of(Kind.GONE, Kind.STALE, Kind.BUSY, Kind.LATE);

    private final EngineSettings settings;
    private final ModelDirectory directory;
    private final List<EngineAddress> addresses;

    /** The engine's words when it last refused a k. */
    private String lastRefusal = "";

    EngineStart(EngineSettings settings, ModelDirectory directory, List<EngineAddress> addresses) {
        this.settings = settings;
        this.directory = directory;
        this.addresses = addresses;
    }

    /**
     * Teacher as it was found.
     *
     * @param contextLength longest sequence, in tokens
     * @param whole whether a row may be of the whole vocabulary, and of nothing else
     */
    record Found(EngineIdentity identity, EngineAddress.Expected expected, int contextLength, boolean whole) {}

    /** Outcome of asking for so many entries. */
    private enum Taken {
        REFUSED,
        /** An answer that is no row: some of its ids are beyond the tokenizer's, a model's padding. */
        ANSWERED,
        READ
    }

    /** An engine that was looked at, before it is known whose id it has. */
    private record Looked(
            EngineAddress address, String model, EngineIdentity.Inputs inputs, int maxK, int contextLength) {}

    Found find() throws IOException, InterruptedException {
        EngineIdentity.Inputs named = new EngineIdentity.Inputs(
                settings.model()
                        .map(model -> HexFormat.of().formatHex(ModelDirectory.digest(model)))
                        .orElse(""),
                "",
                settings.arithmetic().inIdentity());
        long end = System.nanoTime() + settings.limits().absence().toNanos();
        String last = "";
        while (true) {
            for (EngineAddress address : addresses) {
                try {
                    return of(address, named);
                } catch (EngineException e) {
                    if (!MAY_COME.contains(e.kind())) {
                        throw new IOException("the engine cannot be a teacher: " + e.line());
                    }
                    if (!e.line().equals(last)) {
                        LOG.warn("waiting for the engine: {}", e.line());
                        last = e.line();
                    }
                }
            }
            if (System.nanoTime() - end >= 0) {
                throw new IOException("no engine answers within --engine-wait-seconds "
                        + settings.limits().absence().toSeconds() + ": " + last);
            }
            TimeUnit.MILLISECONDS.sleep(BETWEEN_TRIES_MILLIS);
        }
    }

    private Found of(EngineAddress address, EngineIdentity.Inputs named)
            throws EngineException, IOException, InterruptedException {
        EngineAddress.Said said = await(address.describe());
        String engine = settings.wire().word() + " " + said.version();
        int most = said.facts().maxTokens() > 0 ? said.facts().maxTokens() : directory.contextLength();
        if (most < 2) {
            throw EngineException.strange(
                    "a longest sequence of " + most
                            + " tokens (expected: 2 or more, from the engine or max_position_embeddings of the directory's config.json)");
        }
        int contextLength = most - 1; // one token is generated
        Taken whole = taken(address, said.facts().model(), directory.vocabularySize());
        int maxK = whole == Taken.REFUSED ? maxK(address, said.facts().model()) : directory.vocabularySize();
        EngineIdentity.Inputs inputs = new EngineIdentity.Inputs(named.model(), engine, named.precision());
        EngineIdentity identity = identity(new Looked(address, said.facts().model(), inputs, maxK, contextLength));
        return new Found(
                identity,
                new EngineAddress.Expected(
                        said.version(), said.facts(), identity.probe(), maxK, directory.vocabularySize()),
                contextLength,
                whole == Taken.READ);
    }

    /** The greatest k that the engine takes, which is below the vocabulary: none says so, hence it is tried out. */
    private int maxK(EngineAddress address, String model) throws EngineException, InterruptedException {
        int taken = 0;
        int refused = directory.vocabularySize();
        while (refused - taken > 1) {
            int tried = taken + (refused - taken) / 2;
            if (taken(address, model, tried) != Taken.REFUSED) {
                taken = tried;
            } else {
                refused = tried;
            }
        }
        if (taken == 0) {
            throw EngineException.strange("no k of 1 or more is taken: " + lastRefusal
                    + " (expected: an engine that answers, and --max-logprobs of 1 or more)");
        }
        return taken;
    }

    private Taken taken(EngineAddress address, String model, int k) throws EngineException, InterruptedException {
        try {
            RowColumns unused = await(address.first(RowsRequest.smallest(k, directory.vocabularySize()), model));
            return Taken.READ;
        } catch (EngineException e) {
            if (EngineAddress.isOfItsRows(e.kind())) {
                return Taken.ANSWERED;
            } else if (e.kind() == Kind.REFUSED) {
                lastRefusal = e.line();
                return Taken.REFUSED;
            }
            throw e;
        }
    }

    /** The file's, where the engine is the one that it tells of; else a new one, which the file then tells of. */
    private EngineIdentity identity(Looked looked) throws EngineException, IOException, InterruptedException {
        if (settings.identity().isEmpty()) {
            LOG.warn(
                    "no --identity FILE: the id of teacher {} is of this process alone; what caches and captures keep of it, and"
                            + " students that wait for it, are of no use to the next one",
                    settings.name());
            return minted(looked);
        }
        Path file = settings.identity().get();
        Optional<EngineIdentity> known = known(file);
        if (known.isPresent() && difference(looked, known.get()).isEmpty()) {
            return known.get();
        }
        try (DirectoryLock unused = lock(file)) {
            // Another server of this file may have been first.
            known = known(file);
            Optional<String> difference = known.isPresent() ? difference(looked, known.get()) : Optional.empty();
            if (known.isPresent() && difference.isEmpty()) {
                return known.get();
            }
            difference.ifPresent(what -> LOG.warn(
                    "the engine is not the teacher of {}: {}; it gets an id of its own, and what knows the old one is refused",
                    file,
                    what));
            EngineIdentity minted = minted(looked);
            minted.write(file);
            return minted;
        }
    }

    private Optional<EngineIdentity> known(Path file) throws IOException {
        return Files.exists(file)
                ? Optional.of(EngineIdentity.read(file).withTolerance(settings.toleranceNats()))
                : Optional.empty();
    }

    /** Keeps others from making an identity meanwhile, whatever file of the directory it is. */
    private DirectoryLock lock(Path file) throws IOException, InterruptedException {
        Path directory = Objects.requireNonNull(file.toAbsolutePath().getParent(), "--identity: a root is no file");
        long end = System.nanoTime() + settings.limits().absence().toNanos();
        while (true) {
            Optional<DirectoryLock> lock = DirectoryLock.take(directory, LOCK);
            if (lock.isPresent()) {
                return lock.get();
            }
            if (System.nanoTime() - end >= 0) {
                throw new IOException("--identity: " + file + ": another server has been making it for "
                        + settings.limits().absence().toSeconds() + " s (expected: --engine-wait-seconds at most)");
            }
            TimeUnit.MILLISECONDS.sleep(BETWEEN_TRIES_MILLIS);
        }
    }

    private EngineIdentity minted(Looked looked) throws EngineException, InterruptedException {
        List<Probe.Reference> references = new ArrayList<>();
        for (RowsRequest request : Probe.sequences(looked.maxK(), directory.vocabularySize(), looked.contextLength())) {
            references.add(Probe.reference(request, await(looked.address().first(request, looked.model()))));
        }
        return EngineIdentity.mint(looked.inputs(), settings.toleranceNats(), references);
    }

    /** Returns in a line how the engine differs from what a file tells of. */
    private Optional<String> difference(Looked looked, EngineIdentity known)
            throws EngineException, InterruptedException {
        if (!known.inputs().equals(looked.inputs())) {
            return Optional.of(known.inputs() + " (expected: " + looked.inputs() + ")");
        }
        for (Probe.Reference reference : known.references()) {
            RowsRequest request = reference.request(looked.maxK(), directory.vocabularySize());
            RowColumns rows = await(looked.address().first(request, looked.model()));
            Optional<String> difference = known.probe().difference(reference, rows);
            if (difference.isPresent()) {
                return difference;
            }
        }
        return Optional.empty();
    }

    private <T> T await(CompletableFuture<T> answer) throws EngineException, InterruptedException {
        try {
            return answer.get(2 * settings.limits().answer().toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw EngineAddress.why(e);
        } catch (TimeoutException e) {
            throw new EngineException(Kind.LATE, "no answer");
        }
    }
}
