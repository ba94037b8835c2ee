package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.util.Collector;

/** A change event's JSON, bare or wrapped in its schema, to an order; what is none, or cannot be read, becomes nothing. */
final class EnvelopeParser extends RichFlatMapFunction<String, OrderEvent> {
    private static final long serialVersionUID = 1;

    private transient ObjectMapper mapper;

    @Override
    public void open(Configuration parameters) {
        mapper = new ObjectMapper();
    }

    @Override
    public void flatMap(String value, Collector<OrderEvent> out) {
        try {
            JsonNode root = mapper.readTree(value);
            if (root.has("payload")) {
                root = root.path("payload");
            }
            String op = root.path("op").asText("");
            JsonNode row = op.equals("d") ? root.path("before") : root.path("after");
            if (op.isEmpty() || !row.isObject()) {
                return;
            }
            OrderEvent event = new OrderEvent();
            event.setOp(op);
            event.setOrderId(row.path("id").asText());
            event.setSymbol(row.path("symbol").asText());
            event.setSide(row.path("side").asText());
            event.setQuantity(row.path("quantity").asLong());
            event.setPrice(Double.parseDouble(row.path("price").asText("0")));
            event.setStatus(row.path("status").asText());
            event.setLatencyMs(root.path("ts_ms").asLong() - root.path("source").path("ts_ms").asLong());
            out.collect(event);
        } catch (Exception unreadable) {
            // The stream does not stop for a message.
        }
    }
}
