/** The gRPC service: streams with credit, paced responses, and the one mapping of failures to gRPC status. */
@NullMarked
package dev.lyne.teacher.rpc;

import org.jspecify.annotations.NullMarked;
