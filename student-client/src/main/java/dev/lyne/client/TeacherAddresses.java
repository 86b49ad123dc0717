package dev.lyne.client;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where a teacher's replicas are: {@code host:port} or {@code dns:///name:port}, several apart by commas. A
 * {@code host:port} is one replica; a {@code dns:///} name is one replica for each of its addresses.
 *
 * @param entries in the order given, at least one
 */
record TeacherAddresses(List<Entry> entries) {
    private static final String DNS = "dns:///";

    /** Finds a name's addresses; a seam for tests. */
    interface Resolver {
        InetAddress[] addresses(String name) throws UnknownHostException;
    }

    /**
     * Where a replica is.
     *
     * @param address not resolved
     * @param name host that was asked for, which a certificate would name
     */
    record Place(InetSocketAddress address, String name) {}

    /** Element of the list. */
    record Entry(String host, int port, boolean everyAddress) {}

    TeacherAddresses {
        entries = List.copyOf(entries);
    }

    static TeacherAddresses parse(String text) {
        List<Entry> entries = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            String address = part.strip();
            boolean everyAddress = address.startsWith(DNS);
            String hostAndPort = everyAddress ? address.substring(DNS.length()) : address;
            int colon = hostAndPort.lastIndexOf(':');
            String host = colon < 0 ? "" : hostAndPort.substring(0, colon);
            if (host.startsWith("[") && host.endsWith("]")) {
                host = host.substring(1, host.length() - 1);
            }
            int port = colon < 0 ? -1 : port(hostAndPort.substring(colon + 1));
            if (host.isEmpty() || host.contains("/") || port < 0) {
                throw new IllegalArgumentException("teacher address: '" + address
                        + "' (expected: HOST:PORT or dns:///NAME:PORT, several apart by commas)");
            }
            entries.add(new Entry(host, port, everyAddress));
        }
        return new TeacherAddresses(entries);
    }

    /** True where the replicas can change while a client runs. */
    boolean canChange() {
        return entries.stream().anyMatch(Entry::everyAddress);
    }

    /** Returns the places of the replicas now, distinct; names of {@code host:port} elements stay unresolved. */
    Set<Place> resolve(Resolver resolver) throws UnknownHostException {
        Map<InetSocketAddress, Place> places = new LinkedHashMap<>();
        for (Entry entry : entries) {
            if (!entry.everyAddress()) {
                add(places, entry.host(), entry);
                continue;
            }
            for (InetAddress address : resolver.addresses(entry.host())) {
                add(places, address.getHostAddress(), entry);
            }
        }
        return new LinkedHashSet<>(places.values());
    }

    private static void add(Map<InetSocketAddress, Place> places, String host, Entry entry) {
        InetSocketAddress address = InetSocketAddress.createUnresolved(host, entry.port());
        places.putIfAbsent(address, new Place(address, entry.host()));
    }

    private static int port(String text) {
        if (!text.matches("[0-9]{1,5}")) {
            return -1;
        }
        int port = Integer.parseInt(text);
        return port >= 1 && port <= 65_535 ? port : -1;
    }
}
