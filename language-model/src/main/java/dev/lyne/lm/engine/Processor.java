package dev.lyne.lm.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Facts of the operating system about the processor, for fingerprints. */
final class Processor {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    private Processor() {}

    /** The processor's model, or the architecture's name where the system does not say. */
    static String modelName() {
        return field(cpuInfo(), "model name").orElse(System.getProperty("os.arch", "unknown"));
    }

    /** Name of a CUDA device as its driver states it, or its number where the driver does not say. */
    static String cudaName(int device) {
        try (var directories = Files.list(Path.of("/proc/driver/nvidia/gpus"))) {
            List<Path> found = directories.sorted().toList();
            if (device < found.size()) {
                return field(Files.readAllLines(found.get(device).resolve("information")), "Model")
                        .orElse("cuda:" + device);
            }
        } catch (IOException e) {
            return "cuda:" + device;
        }
        return "cuda:" + device;
    }

    /** The set of vector instructions that PyTorch's kernels use here, by its own rule. */
    static String capability() {
        String forced = System.getenv("ATEN_CPU_CAPABILITY");
        return forced == null ? capability(field(cpuInfo(), "flags").orElse("")) : forced.toUpperCase(Locale.ROOT);
    }

    static String capability(String flags) {
        Set<String> set = instructions(flags);
        if (set.containsAll(List.of("avx512f", "avx512vl", "avx512bw", "avx512dq", "fma"))) {
            return "AVX512";
        }
        return set.containsAll(List.of("avx2", "fma")) ? "AVX2" : "DEFAULT";
    }

    /** Returns whether the processor multiplies bfloat16 numbers in tiles (AMX). */
    static boolean hasBfloat16Tiles() {
        return hasBfloat16Tiles(field(cpuInfo(), "flags").orElse(""));
    }

    static boolean hasBfloat16Tiles(String flags) {
        return instructions(flags).contains("amx_bf16");
    }

    /**
     * Whether bfloat16 attention goes in blocks of products: PyTorch's own operator multiplies bfloat16 numbers in float32 where there are
     * instructions for them but no tiles.
     */
    static boolean attendsInBlocks() {
        return attendsInBlocks(field(cpuInfo(), "flags").orElse(""));
    }

    static boolean attendsInBlocks(String flags) {
        return instructions(flags).contains("avx512_bf16") && !hasBfloat16Tiles(flags);
    }

    private static Set<String> instructions(String flags) {
        return Set.copyOf(Arrays.asList(flags.trim().split("\\s+")));
    }

    private static List<String> cpuInfo() {
        try {
            return Files.readAllLines(CPU_INFO);
        } catch (IOException e) {
            return List.of(); // not Linux: the architecture's name stands in for the model
        }
    }

    private static Optional<String> field(List<String> lines, String name) {
        return lines.stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(line.indexOf(':') + 1).trim())
                .findFirst();
    }
}
