package dev.lyne.cli.common;

import java.net.InetSocketAddress;

/** Addresses that options take. */
public final class HostPort {
    private HostPort() {}

    /** A host and port; the host is resolved here, so that an unknown one is refused by name. */
    public static InetSocketAddress parse(String option, String text) {
        int colon = text.lastIndexOf(':');
        try {
            if (colon > 0) {
                var address =
                        new InetSocketAddress(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
                if (!address.isUnresolved()) {
                    return address;
                }
            }
        } catch (IllegalArgumentException e) {
            throw wrongAddress(option, text);
        }
        throw wrongAddress(option, text);
    }

    private static IllegalArgumentException wrongAddress(String option, String text) {
        return new IllegalArgumentException(option + ": " + text + " (expected: HOST:PORT, port 0..65535)");
    }
}
