package peer;

import java.math.BigDecimal;

/** Numbers as people write them: no exponent, no zeros at the end. */
final class Plain {
    private Plain() {}

    static String of(double number) {
        if (number == Math.rint(number) && Math.abs(number) < 1e15) {
            return Long.toString((long) number);
        }
        return BigDecimal.valueOf(number).stripTrailingZeros().toPlainString();
    }
}
