package peer;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The four rules, with what they remember of a symbol in keyed state. */
final class AlertRules extends KeyedProcessFunction<String, OrderEvent, String> {
    private static final long serialVersionUID = 1;
    private static final long LARGE_QUANTITY = 500;
    private static final double HIGH_AMOUNT = 100_000_000;
    private static final double SPIKE_PERCENT = 5;
    private static final long RAPID_COUNT = 5;
    private static final long RAPID_WINDOW_MS = 10_000;

    private transient ValueState<Double> lastPrice;
    private transient ValueState<Long> orderCount;
    private transient ValueState<Long> windowStart;
    private transient DateTimeFormatter clock;

    @Override
    public void open(Configuration parameters) {
        lastPrice = getRuntimeContext().getState(new ValueStateDescriptor<>("lastPrice", Double.class));
        orderCount = getRuntimeContext().getState(new ValueStateDescriptor<>("orderCount", Long.class));
        windowStart = getRuntimeContext().getState(new ValueStateDescriptor<>("windowStart", Long.class));
        clock = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.of("Asia/Seoul"));
    }

    @Override
    public void processElement(OrderEvent event, Context context, Collector<String> out) throws Exception {
        long nowMs = context.timerService().currentProcessingTime();
        if (event.getQuantity() > LARGE_QUANTITY) {
            alert("LARGE_ORDER", event, "대량 주문 감지: " + event.getQuantity() + "주 (임계값: 500)", nowMs, out);
        }
        double amount = event.getPrice() * event.getQuantity();
        if (amount > HIGH_AMOUNT) {
            alert("HIGH_AMOUNT", event, "고액 주문 감지: " + Plain.of(amount) + "원 (임계값: 100000000)", nowMs, out);
        }
        spike(event, nowMs, out);
        rapid(event, nowMs, out);
    }

    private void spike(OrderEvent event, long nowMs, Collector<String> out) throws Exception {
        Double previous = lastPrice.value();
        double price = event.getPrice();
        // Multiplied out: whole prices are exact that way, also at exactly 5 %.
        if (previous != null && previous > 0 && Math.abs(price - previous) * 100 >= SPIKE_PERCENT * previous) {
            double percent = (price - previous) / previous * 100;
            String what = Plain.of(previous) + " → " + Plain.of(price) + String.format(" (%+.2f%%, 임계값: 5%%)", percent);
            alert("PRICE_SPIKE", event, "가격 급변 감지: " + what, nowMs, out);
        }
        lastPrice.update(price);
    }

    private void rapid(OrderEvent event, long nowMs, Collector<String> out) throws Exception {
        Long start = windowStart.value();
        if (start == null || nowMs - start >= RAPID_WINDOW_MS) {
            windowStart.update(nowMs);
            orderCount.update(1L);
            return;
        }
        long count = orderCount.value() + 1;
        orderCount.update(count);
        if (count == RAPID_COUNT) {
            alert("RAPID_ORDERS", event, "단기 다수 주문 감지: 10초 내 5건 (임계값: 5)", nowMs, out);
        }
    }

    private void alert(String rule, OrderEvent event, String message, long nowMs, Collector<String> out) {
        out.collect("ALERT[" + rule + "] " + event.getSymbol() + " orderId=" + event.getOrderId() + ": " + message
                + " at " + clock.format(Instant.ofEpochMilli(nowMs)));
    }
}
