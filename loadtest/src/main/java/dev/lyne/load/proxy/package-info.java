/** A TCP proxy that is as slow as a network: delay and bandwidth, for tests on one machine. */
@NullMarked
package dev.lyne.load.proxy;

import org.jspecify.annotations.NullMarked;
