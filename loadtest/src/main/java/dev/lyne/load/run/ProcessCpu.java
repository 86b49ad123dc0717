package dev.lyne.load.run;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** Processor time of this process. */
public final class ProcessCpu {
    private ProcessCpu() {}

    /** Nanoseconds of all its threads so far. */
    public static long nanos() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
    }
}
