package dev.lyne.teacher.model;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A model on several devices: a copy on each, which are one teacher. Whichever device computes a row, it is the same teacher's, so their
 * digests and execution fingerprints have to be equal. Asked itself, it asks the first copy.
 */
public final class DeviceCopies implements LocalModel {
    private final List<LocalModel> copies;

    private DeviceCopies(List<LocalModel> copies) {
        this.copies = List.copyOf(copies);
    }

    /**
     * Loads a copy for each device, one after the other; those that were loaded are closed again where another cannot be.
     *
     * @param devices names, at least one
     * @throws IllegalArgumentException where two of them do not compute the same
     */
    public static LocalModel load(List<String> devices, Function<String, LocalModel> load) {
        List<LocalModel> copies = new ArrayList<>();
        try {
            for (String device : devices) {
                copies.add(load.apply(device));
                requireSame(devices, copies);
            }
        } catch (Throwable e) {
            copies.forEach(LocalModel::close);
            throw e;
        }
        return copies.size() == 1 ? copies.get(0) : new DeviceCopies(copies);
    }

    private static void requireSame(List<String> devices, List<LocalModel> copies) {
        TeacherDescription first = copies.get(0).description();
        TeacherDescription last = copies.get(copies.size() - 1).description();
        if (!Arrays.equals(first.modelDigest(), last.modelDigest())) {
            throw new IllegalArgumentException("device: " + devices.get(copies.size() - 1)
                    + " has another model (expected: one that does not change while it is loaded)");
        }
        if (!first.fingerprint().equals(last.fingerprint())) {
            throw new IllegalArgumentException("device: " + devices.get(copies.size() - 1) + " computes as "
                    + last.fingerprint() + " (expected: as " + devices.get(0) + " does, "
                    + first.fingerprint() + "; devices of one kind and precision)");
        }
    }

    @Override
    public TeacherDescription description() {
        return copies.get(0).description();
    }

    @Override
    public List<TokenizerFile> tokenizer() {
        return copies.get(0).tokenizer();
    }

    @Override
    public List<LocalModel> devices() {
        return copies;
    }

    @Override
    public String device() {
        return copies.get(0).device();
    }

    @Override
    public void warmUp() {
        copies.get(0).warmUp();
    }

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
        return copies.get(0).score(items, content);
    }

    @Override
    public Optional<LocalDecoder> decoder(long maxCacheBytes) {
        return copies.get(0).decoder(maxCacheBytes);
    }

    @Override
    public void close() {
        copies.forEach(LocalModel::close);
    }
}
