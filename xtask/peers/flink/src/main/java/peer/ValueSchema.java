package peer;

import org.apache.flink.api.common.serialization.SimpleStringSchema;

/** A message's value as text; a tombstone has none and becomes no element. */
final class ValueSchema extends SimpleStringSchema {
    private static final long serialVersionUID = 1;

    @Override
    public String deserialize(byte[] value) {
        return value == null ? null : super.deserialize(value);
    }
}
