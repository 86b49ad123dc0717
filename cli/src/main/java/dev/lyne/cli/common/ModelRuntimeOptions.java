package dev.lyne.cli.common;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import java.util.List;
import picocli.CommandLine.Option;

/** The options that say where and how a model runs. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class ModelRuntimeOptions {
    @Option(
            names = "--device",
            defaultValue = "cpu",
            description = "cpu or cuda:N; of serve also several, such as cuda:0,cuda:1 (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--precision",
            defaultValue = "float32",
            description = "float32, bfloat16 or float16 (default: ${DEFAULT-VALUE}).")
    private String precision;

    @Option(names = "--threads", defaultValue = "0", description = "Threads of one tensor operation; 0: one a core.")
    private int threads;

    /**
     * The options, checked.
     *
     * @throws IllegalArgumentException if one is out of its range
     */
    public ModelOptions options() {
        return on(device);
    }

    /** The devices, at least one. */
    public List<String> devices() {
        return List.of(device.split(",", -1));
    }

    /**
     * The options for one of them.
     *
     * @throws IllegalArgumentException if one is out of its range
     */
    public ModelOptions on(String one) {
        return new ModelOptions(one, ComputePrecision.of(precision), threads);
    }
}
