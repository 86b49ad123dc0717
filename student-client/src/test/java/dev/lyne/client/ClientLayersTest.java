package dev.lyne.client;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.File;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A trainer of its own takes gRPC and the contract along with the client, and no tensor library. */
final class ClientLayersTest {
    private static final JavaClasses CLIENT = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.lyne.client");

    @Test
    void client_anyClass_knowsTheContractAndGrpcAlone() {
        classes()
                .that()
                .resideInAPackage("dev.lyne.client..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "dev.lyne.client..",
                        "dev.lyne.row..",
                        "dev.lyne.wire..",
                        "dev.lyne.v1..",
                        "io.grpc..",
                        "io.netty.handler.ssl..",
                        "io.opentelemetry.api..",
                        "io.opentelemetry.context..",
                        "com.google.protobuf..",
                        "com.google.rpc..",
                        "com.google.common.util.concurrent..",
                        "com.google.errorprone.annotations..",
                        "org.jspecify.annotations..",
                        "org.slf4j..",
                        "java..",
                        "javax.net.ssl..")
                .check(CLIENT);
    }

    @Test
    void stream_ofACapture_isKnownToNoOtherPartOfTheClient() {
        noClasses()
                .that()
                .resideInAPackage("dev.lyne.client")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.lyne.client.capture..")
                .check(CLIENT);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ai.djl.Model",
                "ai.djl.pytorch.engine.PtEngine",
                "ai.djl.huggingface.tokenizers.HuggingFaceTokenizer",
                "dev.lyne.lm.tokenizer.Tokenizer",
                "dev.lyne.student.train.Trainer"
            })
    void classPath_ofTheClient_lacksModelsAndTheTrainer(String name) {
        assertThatThrownBy(() -> Class.forName(name)).isInstanceOf(ClassNotFoundException.class);
    }

    @Test
    void classPath_ofTheClient_holdsNoLibraryOfTensors() {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        assertThat(classPath.split(File.pathSeparator))
                .anyMatch(entry -> entry.contains("grpc-netty"))
                .noneMatch(entry -> entry.contains("djl") || entry.contains("pytorch") || entry.contains("torch"));
    }
}
