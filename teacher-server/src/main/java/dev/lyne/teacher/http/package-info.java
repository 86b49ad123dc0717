/**
 * The HTTP door: the request for prompt log-probabilities that trainers send to vLLM, answered in vLLM's shape from the same admission, cache
 * and single-flight as the gRPC stream. {@link dev.lyne.teacher.http.HttpDoor} is all that others know.
 */
@NullMarked
package dev.lyne.teacher.http;

import org.jspecify.annotations.NullMarked;
