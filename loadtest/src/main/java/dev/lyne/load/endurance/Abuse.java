package dev.lyne.load.endurance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/** Connections that carry what is hardly HTTP: mutated frames of HTTP/2, and mutated requests of HTTP/1.1. */
final class Abuse {
    private static final int UNITS_A_CONNECTION = 8;
    private static final int MILLIS_TO_ANSWER = 10;
    private static final int MILLIS_TO_CONNECT = 10_000;
    private static final double LEFT_WHOLE = 0.4;

    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final byte END_OF_HEADERS = 4;

    private final SplittableRandom random;

    Abuse(long seed) {
        random = new SplittableRandom(seed);
    }

    /** Opens a connection of HTTP/2, sends frames on it, and ends it. Returns how many. */
    int frames(InetSocketAddress server) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        bytes.writeBytes(frame(SETTINGS, (byte) 0, 0, new byte[0]));
        for (int i = 0; i < UNITS_A_CONNECTION; i++) {
            bytes.writeBytes(frame(1 + 2 * random.nextInt(3)));
        }
        exchange(server, bytes.toByteArray());
        return UNITS_A_CONNECTION;
    }

    /** Opens a connection of HTTP/1.1, sends requests on it, and ends it. Returns how many. */
    int requests(InetSocketAddress server) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int requests = 1 + random.nextInt(3);
        for (int i = 0; i < requests; i++) {
            String body = new String(
                    mutated(("{\"model\":\"teacher\",\"prompt\":[1,2,3,4,5],\"max_tokens\":1,\"temperature\":1.0,"
                                    + "\"prompt_logprobs\":4}")
                            .getBytes(StandardCharsets.UTF_8)),
                    StandardCharsets.ISO_8859_1);
            byte[] request = ("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Content-Length: " + body.length() + "\r\n\r\n" + body)
                    .getBytes(StandardCharsets.ISO_8859_1);
            bytes.writeBytes(random.nextDouble() < LEFT_WHOLE ? request : mutated(request));
        }
        exchange(server, bytes.toByteArray());
        return requests;
    }

    /** A frame of any type, of a stream, with something wrong. */
    private byte[] frame(int stream) {
        byte[] frame = switch (random.nextInt(6)) {
            case 0, 1 -> frame(HEADERS, END_OF_HEADERS, stream, headers());
            case 2, 3 -> frame(DATA, (byte) random.nextInt(2), stream, message());
            default -> {
                byte[] payload = new byte[random.nextInt(3) * 4 + random.nextInt(2) * 3];
                random.nextBytes(payload);
                yield frame(random.nextInt(12), (byte) random.nextInt(256), random.nextInt(4), payload);
            }
        };
        return random.nextDouble() < LEFT_WHOLE ? frame : mutated(frame);
    }

    private static byte[] frame(int type, byte flags, int stream, byte[] payload) {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.writeBytes(new byte[] {
            (byte) (payload.length >> 16), (byte) (payload.length >> 8), (byte) payload.length, (byte) type, flags
        });
        frame.writeBytes(
                new byte[] {(byte) (stream >> 24), (byte) (stream >> 16), (byte) (stream >> 8), (byte) stream});
        frame.writeBytes(payload);
        return frame.toByteArray();
    }

    /** Literal fields of HPACK, none of them indexed (RFC 7541, section 6.2.2). */
    private byte[] headers() {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        String[] fields = {
            ":method", "POST",
            ":scheme", "http",
            ":path", "/lyne.v1.TeacherService/ScoreSequences",
            ":authority", "localhost",
            "te", "trailers",
            "content-type", "application/grpc",
            "grpc-timeout", "1S"
        };
        for (int i = 0; i < fields.length; i += 2) {
            block.write(0);
            for (String text : new String[] {fields[i], fields[i + 1]}) {
                block.write(text.length());
                block.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
            }
        }
        byte[] whole = block.toByteArray();
        return random.nextDouble() < LEFT_WHOLE ? whole : mutated(whole);
    }

    /** A message of gRPC, with its five bytes before it. */
    private byte[] message() {
        byte[] message = new byte[random.nextInt(24)];
        random.nextBytes(message);
        byte[] framed = new byte[5 + message.length];
        framed[4] = (byte) message.length;
        System.arraycopy(message, 0, framed, 5, message.length);
        return framed;
    }

    private byte[] mutated(byte[] bytes) {
        byte[] changed = bytes;
        for (int change = random.nextInt(3); change >= 0; change--) {
            changed = Mutation.of(random).apply(changed, random);
        }
        return changed;
    }

    /** Sends all of it, reads a moment, and resets the connection, so that no port is left waiting. */
    private static void exchange(InetSocketAddress server, byte[] bytes) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(server, MILLIS_TO_CONNECT);
            socket.setSoLinger(true, 0);
            socket.setSoTimeout(MILLIS_TO_ANSWER);
            try {
                socket.getOutputStream().write(bytes);
                InputStream answers = socket.getInputStream();
                byte[] read = new byte[4_096];
                while (answers.read(read) > 0) {
                    continue; // whatever it says
                }
            } catch (SocketTimeoutException e) {
                return; // it waits for more
            } catch (IOException e) {
                return; // it had enough
            }
        }
    }
}
