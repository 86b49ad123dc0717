package dev.lyne.cli;

import ai.djl.engine.Engine;
import ai.djl.util.cuda.CudaUtils;
import dev.lyne.cli.common.Failures;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.WeightLayout;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.load.bench.CpuFeatures;
import dev.lyne.load.process.Home;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Command that finds out by trying what works on this machine. */
@Command(
        name = "doctor",
        description =
                "Says what works here and what does not: Java, native libraries, devices, precisions, ports, disk.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class DoctorCommand implements Callable<Integer> {
    private static final long FREE_BYTES_WANTED = 2L << 30;

    /** A thing tried. */
    record Finding(String what, boolean works, String detail) {}

    /** Something to try. */
    private interface Trial {
        String run() throws Exception;
    }

    @Mixin
    private JsonReport json;

    private final List<Finding> findings = new ArrayList<>();

    @Override
    public Integer call() throws Exception {
        attempt("java", () -> System.getProperty("java.vm.name") + " " + Runtime.version());
        attempt(
                "memory",
                () -> (Runtime.getRuntime().maxMemory() >> 20) + " MiB of Java heap, "
                        + Runtime.getRuntime().availableProcessors() + " processors");
        attempt(
                "native libraries",
                () -> "PyTorch " + Engine.getEngine("PyTorch").getVersion());
        attempt("example", () -> {
            Home.teacher("demo");
            return Home.demoTeacher().toString();
        });
        attempt("tokenizer", () -> {
            try (Tokenizer tokenizer = Tokenizer.load(Home.demoTeacher())) {
                return tokenizer.vocabularySize() + " ids";
            }
        });
        attempt("float32 products", DoctorCommand::products);
        attempt("loopback port", () -> {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                return "could listen on " + socket.getLocalPort();
            }
        });
        attempt("disk", DoctorCommand::disk);
        precisions("cpu");
        boolean cuda = CudaUtils.hasCuda();
        for (int gpu = 0; gpu < CudaUtils.getGpuCount(); gpu++) {
            precisions("cuda:" + gpu);
        }
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("findings", findings);
        report.put("cuda", cuda);
        report.put("bfloat16_instructions", CpuFeatures.bfloat16Instructions());
        json.write(report);
        for (Finding finding : findings) {
            json.textOut().printf("%-4s %-20s %s%n", finding.works() ? "ok" : "NO", finding.what(), finding.detail());
        }
        json.textOut()
                .printf(
                        "     CUDA devices: %d; the CPU has %sinstructions for bfloat16%n",
                        CudaUtils.getGpuCount(), CpuFeatures.bfloat16Instructions() ? "" : "no ");
        return findings.stream().allMatch(Finding::works) ? 0 : 1;
    }

    /** Returns in words the kernel that the demo teacher's products go through here. */
    private static String products() {
        ModelConfiguration demo = ModelConfiguration.read(Home.demoTeacher());
        ProductKernels faster = ProductKernels.measure(
                demo,
                demo.sizes().vocabulary(),
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                WeightLayout.merged(demo));
        ProductKernels trained = ProductKernels.forTraining(
                demo, demo.sizes().vocabulary(), new ModelOptions("cpu", ComputePrecision.FLOAT32, 0));
        return (faster.oneDnn().isEmpty()
                        ? "PyTorch's own for the demo teacher"
                        : "oneDNN is faster than PyTorch's own for "
                                + faster.oneDnn().size() + " of the demo teacher's shapes")
                + "; training steps by "
                + (trained.oneDnn().isEmpty() ? "PyTorch's own" : "oneDNN");
    }

    private static String disk() throws Exception {
        Path home = Path.of(System.getProperty("user.home"));
        FileStore store = Files.getFileStore(home);
        if (store.getUsableSpace() < FREE_BYTES_WANTED) {
            throw new IllegalStateException((store.getUsableSpace() >> 20) + " MiB free at " + home
                    + " (expected: 2 GiB, for native libraries and checkpoints)");
        }
        return (store.getUsableSpace() >> 30) + " GiB free at " + home;
    }

    /** Scores a tiny random model in each precision. */
    private void precisions(String device) throws Exception {
        Path directory = Files.createTempDirectory("lyne-doctor");
        var shape = ModelConfiguration.llama(new ModelConfiguration.Sizes(512, 64, 64, 2), 2, 1, 128, 10_000.0, true);
        var cpu = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
        try (var model = TrainableModel.create(shape, 1, cpu, OptimizerOptions.defaults(), LossScript.crossEntropy())) {
            model.export(directory, "float32");
        }
        for (ComputePrecision precision : ComputePrecision.values()) {
            attempt(device + " " + precision.torchName(), () -> {
                try (var model = ScoringModel.load(
                        directory, new ModelOptions(device, precision, 0), new ScoringOptions(512, 256, false))) {
                    var item = new ScoreItem(new int[] {1, 2, 3}, new int[] {0, 1});
                    if (model.score(List.of(item), RowContent.topK(4)).get(0) instanceof ScoreOutcome.Scored) {
                        return "scores";
                    }
                    throw new IllegalStateException("logits that are not finite (expected: finite)");
                }
            });
        }
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    private void attempt(String what, Trial trial) {
        try {
            findings.add(new Finding(what, true, trial.run()));
        } catch (Exception | LinkageError e) {
            findings.add(new Finding(what, false, Failures.describe(e)));
        }
    }
}
