package dev.lyne.load.study;

/** Student's t distribution. */
final class StudentT {
    private static final double TINY = 1e-300;

    private StudentT() {}

    /** Probability of a value at least as far from 0 as this one, on either side. */
    static double twoSided(double t, int degreesOfFreedom) {
        double x = degreesOfFreedom / (degreesOfFreedom + t * t);
        return incompleteBeta(degreesOfFreedom / 2.0, 0.5, x);
    }

    /** The t whose {@link #twoSided} probability is this one, in (0, 1). */
    static double critical(double probability, int degreesOfFreedom) {
        double low = 0;
        double high = 1;
        while (twoSided(high, degreesOfFreedom) > probability) {
            high *= 2;
        }
        for (int i = 0; i < 80; i++) {
            double middle = (low + high) / 2;
            if (twoSided(middle, degreesOfFreedom) > probability) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }

    /** The regularised incomplete beta function, by Lentz's evaluation of its continued fraction (DLMF 8.17.22). */
    static double incompleteBeta(double a, double b, double x) {
        if (x <= 0 || x >= 1) {
            return x <= 0 ? 0 : 1;
        }
        if (x > (a + 1) / (a + b + 2)) {
            return 1 - incompleteBeta(b, a, 1 - x);
        }
        double front =
                Math.exp(a * Math.log(x) + b * Math.log1p(-x) - (logGamma(a) + logGamma(b) - logGamma(a + b))) / a;
        double c = 1;
        double d = 1 / (1 - (a + b) * x / (a + 1));
        double fraction = d;
        for (int m = 1; m < 1000; m++) {
            double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            double change = 1;
            for (double term : new double[] {even, odd}) {
                d = 1 / nonZero(1 + term * d);
                c = nonZero(1 + term / c);
                change = c * d;
                fraction *= change;
            }
            if (Math.abs(change - 1) < 1e-15) {
                break;
            }
        }
        return front * fraction;
    }

    private static double nonZero(double value) {
        return Math.abs(value) < TINY ? TINY : value;
    }

    /** Stirling's series, after the argument is raised to where it holds. */
    static double logGamma(double x) {
        double shift = 0;
        double y = x;
        while (y < 12) {
            shift += Math.log(y);
            y++;
        }
        double inverse = 1 / (y * y);
        double series = (1 / 12.0 - inverse * (1 / 360.0 - inverse * (1 / 1260.0 - inverse / 1680.0))) / y;
        return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
    }
}
