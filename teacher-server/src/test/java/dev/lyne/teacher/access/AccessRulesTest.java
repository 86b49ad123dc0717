package dev.lyne.teacher.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.teacher.access.TokenFile.Grant;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Quota;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.wire.access.AccessToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AccessRulesTest {
    private static final String HASH = "sha256:" + "0123456789abcdef".repeat(4);
    private static final AccessToken TOKEN = AccessToken.random("alice", new SecureRandom());

    @TempDir
    Path directory;

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("tokens"), text);
    }

    private static Authenticator at(AccessRules rules, String now) {
        return new Authenticator(Optional.of(() -> rules), false, () -> Instant.parse(now));
    }

    private static Caller known(Identity identity) {
        return ((Identity.Known) identity).caller();
    }

    private static Failure refused(Identity identity) {
        return ((Identity.Refused) identity).failure();
    }

    @Test
    void identify_addedToken_isItsTenantUntilItExpires() throws IOException {
        Path file = directory.resolve("fresh");
        TokenFile.add(file, Grant.of("alice", "2027-01-31", List.of("demo", "big"), "interactive"), TOKEN);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(Files.readString(file)).startsWith("lyne-access 1\n").doesNotContain(TOKEN.text());
        Files.writeString(
                file,
                Files.readString(file) + "tenant alice weight=2.5 positions-per-second=500 burst=900 quota=shadow\n");
        AccessRules rules = AccessRules.read(file);

        Caller caller = known(
                at(rules, "2027-01-30T23:59:59Z").identify(Optional.of("bearer  " + TOKEN.text()), Optional.empty()));
        assertThat(caller.tenant().name()).isEqualTo("alice");
        assertThat(caller.tenant().weight()).isEqualTo(2.5);
        assertThat(caller.tenant().quota()).contains(new Quota(500, 900, false));
        assertThat(caller.best()).isEqualTo(PriorityClass.INTERACTIVE);
        assertThat(caller.mayAsk("big")).isTrue();
        assertThat(caller.mayAsk("other")).isFalse();
        assertThat(caller).hasToString("alice");

        Authenticator later = at(rules, "2027-01-31T00:00:00Z");
        assertThat(refused(later.identify(Optional.of(TOKEN.headerValue()), Optional.empty())))
                .isEqualTo(new Failure(
                        Failure.Reason.TOKEN_EXPIRED,
                        "a token of alice that expired at 2027-01-31T00:00:00Z (expected: a newer one)"));
        assertThat(refused(later.again(caller)).reason()).isEqualTo(Failure.Reason.TOKEN_EXPIRED);
    }

    @Test
    void again_afterTheFileChanged_isWhatItSaysNow() throws IOException {
        AccessRules before = AccessRules.read(file("lyne-access 1\ntoken alice " + HASH + "\n"));
        Caller caller = before.again(
                        new Caller(Tenant.ANYBODY, HASH, Set.of(), PriorityClass.CAPTURE, Optional.empty()))
                .orElse(Caller.ANYBODY);
        assertThat(caller).as("another tenant's credential").isEqualTo(Caller.ANYBODY);

        TokenFile.add(directory.resolve("tokens"), Grant.of("bob", "never", List.of(), "training"), TOKEN);
        AccessRules added = AccessRules.read(directory.resolve("tokens"));
        Caller bob =
                known(at(added, "2027-01-01T00:00:00Z").identify(Optional.of(TOKEN.headerValue()), Optional.empty()));
        assertThat(known(at(added, "2027-01-01T00:00:00Z").again(bob))).isEqualTo(bob);
        assertThat(refused(at(before, "2027-01-01T00:00:00Z").again(bob)).reason())
                .isEqualTo(Failure.Reason.UNAUTHENTICATED);
    }

    @ParameterizedTest
    @CsvSource({"Bearer wrong-token-0123456789", "alices-token-0123456789", "basic alices-token-0123456789", "Bearer"})
    void identify_anythingButATokenOfTheFile_isRefused(String header) throws IOException {
        AccessRules rules = AccessRules.read(file("alice alices-token-0123456789"));
        Authenticator authenticator = at(rules, "2027-01-01T00:00:00Z");

        assertThat(rules.hashed()).isFalse();
        assertThat(known(authenticator.identify(Optional.of("Bearer alices-token-0123456789"), Optional.empty()))
                        .best())
                .isEqualTo(PriorityClass.INTERACTIVE);
        assertThat(refused(authenticator.identify(Optional.of(header), Optional.empty()))
                        .reason())
                .isEqualTo(Failure.Reason.UNAUTHENTICATED);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "token alice secret-0123456789|:2: a token that is no hash (expected: token NAME sha256:HEX, as ./lyne token new writes it)",
                "token secret-0123456789= alice|:2: a token that is no hash (expected: token NAME sha256:HEX, as ./lyne token new writes it)",
                "token secret+0123456789 HASH|:2: word 2 is no tenant (expected: letters, digits and ._-, at most 63 of them)",
                "token alice HASH secret+0123456789|:2: word 4 (expected: key=value)",
                "token alice HASH secret+0123456789=|:2: word 4 has a key that is none (expected: one of expires, teachers, class)",
                "token alice HASH until=2027|:2: word 4 has a key that is none (expected: one of expires, teachers, class)",
                "certificate alice expires=2027-01-31 subject=CN=a|:2: word 3 has a key that is none (expected: one of teachers, class)",
                "tenant alice wait=2|:2: word 3 has a key that is none (expected: one of weight, positions-per-second, burst, quota)",
                "token alice HASH class=urgent|:2: urgent (expected: interactive, training, capture)",
                "token alice HASH expires=soon|:2: expires: soon (expected: a day such as 2027-01-31, or 2027-01-31T12:00:00Z)",
                "tenant alice burst=5|:2: burst or quota without positions-per-second (expected: with it)",
                "tenant alice weight=0|:2: weight: 0.0 (expected: 0.001..1000)",
                "tenant al/ice|:2: tenant: al/ice (expected: letters, digits and ._-, at most 63 of them)",
                "somebody|:2: a line of 1 words (expected: tenant NAME …, token NAME sha256:HEX … or certificate NAME … subject=…)",
                "certificate alice|:2: no subject (expected: subject=CN=name,O=team at the end)",
            })
    void read_lineThatIsNone_isNamedButShowsNoToken(String line, String message) throws IOException {
        Path file = file("lyne-access 1\n" + line.replace("HASH", HASH) + "\n");

        assertThatThrownBy(() -> AccessRules.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + message)
                .hasMessageNotContaining("secret");
    }

    @ParameterizedTest
    @ValueSource(strings = {"lyne-access 1", "# tenants\nlyne-access 1\ntenant alice weight=2"})
    void read_headerAndNoCredential_letsNobodyInAndTakesATokenAgain(String text) throws IOException {
        Path file = file(text);
        AccessRules rules = AccessRules.read(file);
        assertThat(rules.closed()).isTrue();
        assertThat(refused(at(rules, "2027-01-01T00:00:00Z")
                                .identify(Optional.of(TOKEN.headerValue()), Optional.empty()))
                        .reason())
                .isEqualTo(Failure.Reason.UNAUTHENTICATED);

        TokenFile.add(file, Grant.of("alice", "never", List.of(), "training"), TOKEN);
        AccessRules again = AccessRules.read(file);
        assertThat(again.closed()).isFalse();
        assertThat(known(at(again, "2027-01-01T00:00:00Z").identify(Optional.of(TOKEN.headerValue()), Optional.empty()))
                        .tenant()
                        .name())
                .isEqualTo("alice");
    }

    @Test
    void read_fileThatIsEmptyOrCutBeforeItsHeaderEnds_isRefused() throws IOException {
        for (String text : List.of("", "# nobody\n", "lyne-acc", "lyne-access 1\ntok")) {
            Path file = file(text);
            assertThatThrownBy(() -> AccessRules.read(file)).as(text).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void tenant_ofASubject_isItsCommonNameWhereThatIsAName() {
        assertThat(Authenticator.tenant("CN=team-a,O=lab")).isEqualTo("team-a");
        String broken = Authenticator.tenant("CN=team\\0Arefused a call,O=lab");
        assertThat(broken).matches("team_refused_a_call\\.[0-9a-f]{12}");
        assertThat(Authenticator.tenant("CN=team\\0Arefused a call,O=other")).isNotEqualTo(broken);
        String longName = Authenticator.tenant("CN=" + "a".repeat(10_000));
        assertThat(longName).hasSizeLessThanOrEqualTo(63);
        assertThat(AccessRules.isName(longName)).isTrue();
        assertThat(AccessRules.isName(Authenticator.tenant("CN=-{}\"x,O=lab"))).isTrue();
        assertThat(AccessRules.isName(Authenticator.tenant("O=lab"))).isTrue();
    }

    @Test
    void read_oneCredentialTwice_isRefused() throws IOException {
        Path file = file("lyne-access 1\ntoken alice " + HASH + "\ntoken bob " + HASH + "\n");

        assertThatThrownBy(() -> AccessRules.read(file))
                .hasMessage(file + ":3: the credential of line 2 (expected: another)");
    }

    @Test
    void add_toAFileOfTokensAsTheyAre_isRefused() throws IOException {
        Path file = file("alice alices-token-0123456789\n");

        assertThatThrownBy(() -> TokenFile.add(file, Grant.of("bob", "never", List.of(), "training"), TOKEN))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(file + ": tokens as they are (expected: a file that begins with lyne-access 1");
    }
}
