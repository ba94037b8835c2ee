package peer;

import java.util.HashMap;
import java.util.Map;

/** {@code --name value} pairs. */
final class Arguments {
    private Arguments() {}

    static Map<String, String> pairs(String[] arguments) {
        Map<String, String> pairs = new HashMap<>();
        for (int at = 0; at + 1 < arguments.length; at += 2) {
            pairs.put(arguments[at].substring(2), arguments[at + 1]);
        }
        return pairs;
    }
}
