"""The version, in step with the Java side's."""

#: That of pom.xml, as Python writes it.
VERSION = "0.1.0.dev0"
