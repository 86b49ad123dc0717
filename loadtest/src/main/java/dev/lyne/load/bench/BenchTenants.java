package dev.lyne.load.bench;

import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.access.TokenFile;
import dev.lyne.teacher.access.TokenFile.Grant;
import dev.lyne.wire.access.AccessToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Tenants of a benchmark, one for each student, with tokens and with quotas that are enforced and never reached: what identity, quotas and
 * fairness cost is in the figures.
 *
 * @param known file of the rules that the server reads
 * @param tokens file of each student's token
 */
record BenchTenants(Path known, List<Path> tokens) {
    private static final String QUOTA = " positions-per-second=1000000000 burst=1000000000 quota=enforce\n";

    BenchTenants {
        tokens = List.copyOf(tokens);
    }

    /** Writes the files of as many tenants. */
    static BenchTenants write(Path directory, int students) throws IOException {
        Path known = directory.resolve("access");
        SecureRandom random = new SecureRandom();
        List<Path> tokens = new ArrayList<>();
        for (int number = 0; number < students; number++) {
            String tenant = "student-" + number;
            AccessToken token = AccessToken.random(tenant, random);
            TokenFile.add(known, Grant.of(tenant, "never", List.of(), "training"), token);
            tokens.add(Files.writeString(directory.resolve(tenant), token.text() + "\n"));
            Files.writeString(known, "tenant " + tenant + QUOTA, StandardOpenOption.APPEND);
        }
        return new BenchTenants(known, tokens);
    }

    /** How the server is spoken to. */
    ServerSecurity security() {
        return new ServerSecurity(Optional.empty(), Optional.of(known), false);
    }
}
