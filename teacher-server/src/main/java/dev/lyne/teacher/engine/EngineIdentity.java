package dev.lyne.teacher.engine;

import dev.lyne.files.JsonFaults;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Identity of an engine's teacher, as it stands in a file: the id that students and caches know, what it was made of,
 * and the rows that tell whether an engine is still it.
 *
 * @param id SHA-256 of what follows, in hexadecimal
 * @param model SHA-256 of the model's directory; "" where none was named
 * @param engine the engine's kind and version
 * @param precision what it computes in, and whether batch-invariantly, as its operator states it
 * @param minted random, in hexadecimal: an id is of these rows, whatever else has their model and engine; "" in files of an older server
 * @param toleranceNats how far a log-probability of the references may be off
 * @param references sequences and their rows
 */
record EngineIdentity(
        String id,
        String model,
        String engine,
        String precision,
        String minted,
        double toleranceNats,
        List<Probe.Reference> references) {
    private static final String DOMAIN = "lyne engine identity 1";
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** Facts that an identity is made of beside its rows. */
    record Inputs(String model, String engine, String precision) {}

    /** A new identity, whose id nobody had before. What it is made of does not tell rows: weights, arguments and libraries of an engine may differ. */
    static EngineIdentity mint(Inputs inputs, double toleranceNats, List<Probe.Reference> references) {
        byte[] number = new byte[16];
        new SecureRandom().nextBytes(number);
        String minted = HexFormat.of().formatHex(number);
        return new EngineIdentity(
                id(inputs, minted),
                inputs.model(),
                inputs.engine(),
                inputs.precision(),
                minted,
                toleranceNats,
                references);
    }

    Inputs inputs() {
        return new Inputs(model, engine, precision);
    }

    /** The id, 32 bytes. */
    byte[] digest() {
        return HexFormat.of().parseHex(id);
    }

    Probe probe() {
        return new Probe(toleranceNats, references);
    }

    EngineIdentity withTolerance(double nats) {
        return new EngineIdentity(id, model, engine, precision, minted, nats, references);
    }

    private static String id(Inputs inputs, String minted) {
        String text = String.join("\n", DOMAIN, inputs.model(), inputs.engine(), inputs.precision(), minted);
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /**
     * Reads a file.
     *
     * @throws IllegalArgumentException where it is no identity, or not one that was written so
     */
    static EngineIdentity read(Path file) throws IOException {
        EngineIdentity read;
        try {
            read = JSON.readValue(Files.readString(file), EngineIdentity.class);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    "--identity: " + file + ": " + JsonFaults.explain(e) + " (expected: a file that serve wrote)", e);
        }
        if (!read.id.equals(id(read.inputs(), read.minted)) || read.references.isEmpty()) {
            throw new IllegalArgumentException("--identity: " + file + " with id " + read.id
                    + " (expected: that of what stands beside it, and reference rows; delete it to have a new one)");
        }
        return read;
    }

    /** Writes it aside, and puts it in place at once. */
    void write(Path file) throws IOException {
        Path aside = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(aside, JSON.writeValueAsString(this) + "\n");
        Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
}
