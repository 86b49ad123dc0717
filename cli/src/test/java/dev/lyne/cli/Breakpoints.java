package dev.lyne.cli;

import com.sun.jdi.Bootstrap;
import com.sun.jdi.Method;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.connect.ListeningConnector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.VMDeathEvent;
import com.sun.jdi.event.VMDisconnectEvent;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A debugger's view of a command in a process of its own, which stands still wherever one of some methods is called: what a test does
 * then, it does at that very moment, however fast the machine is. One thread.
 */
final class Breakpoints implements AutoCloseable {
    /** A class of a run whose method {@code step} is called once a step, with the line that it writes then. */
    static final String METRICS = "dev.lyne.student.train.MetricsFile";

    private static final long TIMEOUT_MILLIS = 180_000;

    private final String className;
    private final List<String> methods;
    private final ListeningConnector connector;
    private final Map<String, Connector.Argument> arguments;
    private final String address;

    private VirtualMachine machine;
    private EventSet standing;
    private boolean closed;

    /** Begins to listen for the process. */
    @SuppressWarnings("NullAway.Init") // the machine is there once the process is
    Breakpoints(String className, List<String> methods) throws IOException, IllegalConnectorArgumentsException {
        this.className = className;
        this.methods = List.copyOf(methods);
        this.connector = Bootstrap.virtualMachineManager().listeningConnectors().stream()
                .filter(one -> one.transport().name().equals("dt_socket"))
                .findFirst()
                .orElseThrow();
        this.arguments = connector.defaultArguments();
        set("localAddress", "127.0.0.1");
        set("timeout", Long.toString(TIMEOUT_MILLIS));
        this.address = connector.startListening(arguments);
    }

    /** Returns the variables that the process is started with, so that it waits for this debugger. */
    Map<String, String> environment() {
        return Map.of("JAVA_TOOL_OPTIONS", "-agentlib:jdwp=transport=dt_socket,server=n,suspend=y,address=" + address);
    }

    /** Waits for the process, which was started; it runs once {@link #next} is called. */
    void attach() throws IOException, IllegalConnectorArgumentsException {
        machine = connector.accept(arguments);
        ClassPrepareRequest loaded = machine.eventRequestManager().createClassPrepareRequest();
        loaded.addClassFilter(className);
        loaded.setSuspendPolicy(EventRequest.SUSPEND_ALL);
        loaded.enable();
    }

    /** Lets the process go on to the next call of one of the methods, and gives the method's name. The process then stands still. */
    String next() throws InterruptedException {
        while (true) {
            if (standing != null) {
                standing.resume();
            }
            standing = machine.eventQueue().remove(TIMEOUT_MILLIS);
            if (standing == null) {
                throw new AssertionError("no call of " + methods + " (expected: one)");
            }
            for (Event event : standing) {
                if (event instanceof ClassPrepareEvent prepared) {
                    stopIn(prepared.referenceType());
                } else if (event instanceof BreakpointEvent reached) {
                    return reached.location().method().name();
                } else if (event instanceof VMDeathEvent || event instanceof VMDisconnectEvent) {
                    throw new AssertionError("the process ended (expected: a call of " + methods + ")");
                }
            }
        }
    }

    /** Lets the process go on to so many more calls of a method. */
    void next(String method, int calls) throws InterruptedException {
        for (int call = 0; call < calls; ) {
            call += next().equals(method) ? 1 : 0;
        }
    }

    private void set(String argument, String value) {
        Objects.requireNonNull(arguments.get(argument)).setValue(value);
    }

    private void stopIn(ReferenceType type) {
        for (String name : methods) {
            for (Method method : type.methodsByName(name)) {
                machine.eventRequestManager()
                        .createBreakpointRequest(method.location())
                        .enable();
            }
        }
    }

    /** Lets the process go, where it still is, and stop nowhere any more. */
    @Override
    public void close() throws IOException, IllegalConnectorArgumentsException {
        if (closed) {
            return;
        }
        closed = true;
        connector.stopListening(arguments);
        try {
            machine.dispose();
        } catch (VMDisconnectedException e) {
            return; // it was killed
        }
    }
}
