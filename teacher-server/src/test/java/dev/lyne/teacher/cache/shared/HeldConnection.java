package dev.lyne.teacher.cache.shared;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/** A TCP proxy before a server, whose replies can be held back: the server is there, and does not answer. */
final class HeldConnection implements AutoCloseable {
    private final int target;
    private final ServerSocket listener = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final Semaphore allowedReplies = new Semaphore(1 << 20);
    private final AtomicLong requestBytes = new AtomicLong();

    HeldConnection(int target) throws IOException {
        this.target = target;
        daemon(this::accept);
    }

    String url() {
        return "redis://127.0.0.1:" + listener.getLocalPort();
    }

    void hold() {
        allowedReplies.drainPermits();
    }

    void release() {
        allowedReplies.release(1 << 20);
    }

    /** Bytes that clients have sent. */
    long requestBytes() {
        return requestBytes.get();
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = listener.accept();
            Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
            sockets.addAll(List.of(client, server));
            daemon(() -> copy(client, server, false));
            daemon(() -> copy(server, client, true));
        }
    }

    private void copy(Socket from, Socket to, boolean reply) throws IOException {
        byte[] buffer = new byte[1 << 16];
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                if (reply) {
                    allowedReplies.acquireUninterruptibly();
                } else {
                    requestBytes.addAndGet(length);
                }
                out.write(buffer, 0, length);
                out.flush();
            }
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // one end closed: the connection is over
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        release();
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
