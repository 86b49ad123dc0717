package dev.lyne.cli.common;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Where the spans of a process go, until it is closed: to a receiver, by a thread of their own that drops what does not fit into its queue, so
 * that no receiver slows anything down; or nowhere.
 */
public final class Telemetry implements AutoCloseable {
    private static final long CLOSING_MILLIS = 2_000;

    private final Optional<OpenTelemetrySdk> sdk;

    private Telemetry(Optional<OpenTelemetrySdk> sdk) {
        this.sdk = sdk;
    }

    /** Nowhere. */
    static Telemetry none() {
        return new Telemetry(Optional.empty());
    }

    /**
     * To a receiver.
     *
     * @param service name of this process's kind
     * @param endpoint the receiver's, without a path
     * @param share of the traces begun here that are recorded; of those that others began all that they record
     */
    static Telemetry to(String service, String endpoint, double share) {
        SdkTracerProvider provider = SdkTracerProvider.builder()
                .setResource(Resource.getDefault()
                        .merge(Resource.create(Attributes.of(
                                AttributeKey.stringKey("service.name"),
                                service,
                                AttributeKey.longKey("process.pid"),
                                ProcessHandle.current().pid()))))
                .setSampler(Sampler.parentBased(new LinkedOrShare(share)))
                .addSpanProcessor(BatchSpanProcessor.builder(OtlpHttpSpanExporter.builder()
                                .setEndpoint(endpoint + "/v1/traces")
                                .build())
                        .build())
                .build();
        return new Telemetry(Optional.of(
                OpenTelemetrySdk.builder().setTracerProvider(provider).build()));
    }

    /** Returns the telemetry for whatever makes spans. */
    public OpenTelemetry telemetry() {
        return sdk.<OpenTelemetry>map(known -> known).orElse(OpenTelemetry.noop());
    }

    /** Sends what has not been sent, for a moment at most. */
    @Override
    public void close() {
        if (sdk.isPresent()) {
            CompletableResultCode unused =
                    sdk.get().getSdkTracerProvider().shutdown().join(CLOSING_MILLIS, TimeUnit.MILLISECONDS);
        }
    }
}
