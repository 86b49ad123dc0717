package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TeacherAddressesTest {
    @Test
    void parse_severalHosts_keepsThemInOrderAndUnresolved() throws Exception {
        TeacherAddresses addresses = TeacherAddresses.parse("one:1, two.example:65535,[::1]:3");

        assertThat(addresses.canChange()).isFalse();
        assertThat(addresses.resolve(name -> {
                    throw new AssertionError("looked up " + name);
                }))
                .containsExactly(
                        place("one", 1, "one"), place("two.example", 65_535, "two.example"), place("::1", 3, "::1"));
    }

    @Test
    void resolve_nameWithSeveralAddresses_givesAReplicaForEachOnce() throws Exception {
        TeacherAddresses addresses = TeacherAddresses.parse("dns:///teachers:7,10.0.0.2:7");
        InetAddress[] found = {InetAddress.getByName("10.0.0.1"), InetAddress.getByName("10.0.0.2")};

        assertThat(addresses.canChange()).isTrue();
        assertThat(addresses.resolve(name -> found))
                .containsExactly(place("10.0.0.1", 7, "teachers"), place("10.0.0.2", 7, "teachers"));
    }

    private static TeacherAddresses.Place place(String host, int port, String name) {
        return new TeacherAddresses.Place(InetSocketAddress.createUnresolved(host, port), name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "host", "host:", ":1", "host:0", "host:65536", "host:x", "http://host:1", "a:1,,b:2"})
    void parse_notAnAddress_saysWhatIsExpected(String text) {
        assertThatThrownBy(() -> TeacherAddresses.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(expected: HOST:PORT or dns:///NAME:PORT, several apart by commas)");
    }
}
