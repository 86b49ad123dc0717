package dev.lyne.student.client;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

final class ClientLayersTest {
    @Test
    void client_anyClass_knowsNeitherModelsNorTheTrainer() {
        JavaClasses classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.lyne.student.client");

        noClasses()
                .that()
                .resideInAPackage("dev.lyne.student.client..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.lyne.lm..",
                        "ai.djl..",
                        "dev.lyne.student.corpus..",
                        "dev.lyne.student.loss..",
                        "dev.lyne.student.train..",
                        "dev.lyne.student.checkpoint..",
                        "dev.lyne.student.report..")
                .check(classes);
    }
}
