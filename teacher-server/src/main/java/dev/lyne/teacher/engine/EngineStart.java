package dev.lyne.teacher.engine;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.row.RowColumns;
import dev.lyne.teacher.engine.EngineException.Kind;
import dev.lyne.teacher.model.ModelDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
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

    /** What an engine fails with that is not there yet. */
    private static final Set<Kind> MAY_COME = EnumSet.of(Kind.GONE, Kind.STALE, Kind.BUSY, Kind.LATE);

    private final EngineSettings settings;
    private final ModelDirectory directory;
    private final List<EngineAddress> addresses;

    EngineStart(EngineSettings settings, ModelDirectory directory, List<EngineAddress> addresses) {
        this.settings = settings;
        this.directory = directory;
        this.addresses = addresses;
    }

    /**
     * What the teacher is.
     *
     * @param contextLength longest sequence, in tokens
     */
    record Found(EngineIdentity identity, EngineAddress.Expected expected, int contextLength) {}

    Found find() throws IOException, InterruptedException {
        EngineIdentity.Inputs named = new EngineIdentity.Inputs(
                settings.model()
                        .map(model -> HexFormat.of().formatHex(ModelDirectory.digest(model)))
                        .orElse(""),
                "",
                settings.precision());
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
        int maxK = maxK(address, said.facts().model());
        EngineIdentity.Inputs inputs = new EngineIdentity.Inputs(named.model(), engine, named.precision());
        EngineIdentity identity = identity(address, said, inputs, maxK, contextLength);
        return new Found(
                identity,
                new EngineAddress.Expected(
                        said.version(), said.facts(), identity.probe(), maxK, directory.vocabularySize()),
                contextLength);
    }

    /** The greatest k that the engine takes: none says so, hence it is tried out. */
    private int maxK(EngineAddress address, String model) throws EngineException, InterruptedException {
        int most = directory.vocabularySize();
        if (takes(address, model, most)) {
            return most;
        }
        int taken = 0;
        int refused = most;
        while (refused - taken > 1) {
            int tried = taken + (refused - taken) / 2;
            if (takes(address, model, tried)) {
                taken = tried;
            } else {
                refused = tried;
            }
        }
        if (taken == 0) {
            throw EngineException.strange("no k of 1 or more is taken (expected: --max-logprobs of 1 or more)");
        }
        return taken;
    }

    /** Whether an answer comes at all: ids beyond the tokenizer's among so many are the model's padding, and no word on k. */
    private boolean takes(EngineAddress address, String model, int k) throws EngineException, InterruptedException {
        Asked asked = new Asked(new ScoreItem(new int[] {0, 0}, new int[] {0}), k, directory.vocabularySize());
        try {
            RowColumns unused = await(address.first(asked, model));
            return true;
        } catch (EngineException e) {
            return switch (e.kind()) {
                case STRANGE, NOT_FINITE -> true;
                case REFUSED -> false;
                default -> throw e;
            };
        }
    }

    private EngineIdentity identity(
            EngineAddress address, EngineAddress.Said said, EngineIdentity.Inputs inputs, int maxK, int contextLength)
            throws EngineException, IOException, InterruptedException {
        double tolerance = settings.probe().toleranceNats();
        boolean again = false;
        if (settings.identity().isPresent() && Files.exists(settings.identity().get())) {
            EngineIdentity known =
                    EngineIdentity.read(settings.identity().get()).withTolerance(tolerance);
            Optional<String> difference = known.inputs().equals(inputs)
                    ? difference(address, said, known, maxK)
                    : Optional.of(known.inputs() + " (expected: " + inputs + ")");
            if (difference.isEmpty()) {
                return known;
            }
            // Never back to an id that other weights had: what was minted for this file stays behind, too.
            again = known.inputs().equals(inputs) || !known.minted().isEmpty();
            LOG.warn(
                    "the engine is not the teacher of {}: {}; it gets an id of its own, and what knows the old one is refused",
                    settings.identity().get(),
                    difference.get());
        }
        List<Probe.Reference> references = new ArrayList<>();
        for (Asked asked : Probe.sequences(maxK, directory.vocabularySize(), contextLength)) {
            references.add(Probe.reference(
                    asked, await(address.first(asked, said.facts().model()))));
        }
        EngineIdentity minted =
                EngineIdentity.mint(inputs, again || settings.identity().isEmpty(), tolerance, references);
        if (settings.identity().isPresent()) {
            minted.write(settings.identity().get());
        }
        return minted;
    }

    private Optional<String> difference(EngineAddress address, EngineAddress.Said said, EngineIdentity known, int maxK)
            throws EngineException, InterruptedException {
        for (Probe.Reference reference : known.references()) {
            Asked asked = reference.asked(maxK, directory.vocabularySize());
            RowColumns rows = await(address.first(asked, said.facts().model()));
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
