package dev.lyne.teacher.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.lyne.teacher.model.Failure;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class StatusesTest {
    private static final Set<Integer> RETRIED =
            Set.of(Code.RESOURCE_EXHAUSTED.getNumber(), Code.UNAVAILABLE.getNumber());

    @ParameterizedTest
    @EnumSource
    void toStatus_anyReason_carriesErrorInfoAndADelayWhereARetryMayHelp(Failure.Reason reason)
            throws InvalidProtocolBufferException {
        Status status = Statuses.toStatus(new Failure(reason, "a line"));

        ErrorInfo info = status.getDetails(0).unpack(ErrorInfo.class);
        assertThat(info.getDomain()).isEqualTo("lyne.dev");
        assertThat(info.getReason()).isEqualTo(reason.name());
        assertThat(status.getMessage()).isEqualTo("a line");
        assertThat(status.getDetailsList().stream().anyMatch(detail -> detail.is(RetryInfo.class)))
                .isEqualTo(RETRIED.contains(status.getCode()));
    }
}
