package dev.lyne.cli.common;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A finite number on the command line: {@code NaN} and what overflows compare with no bound, so every check would let them pass. */
public final class FiniteDouble implements ITypeConverter<Double> {
    @Override
    public Double convert(String value) {
        double number;
        try {
            number = Double.parseDouble(value);
        } catch (NumberFormatException e) {
            throw new TypeConversionException(value);
        }
        if (!Double.isFinite(number)) {
            throw new TypeConversionException(value);
        }
        return number;
    }
}
