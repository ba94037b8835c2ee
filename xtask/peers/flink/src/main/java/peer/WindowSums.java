package peer;

import org.apache.flink.api.common.functions.AggregateFunction;

/** Adds up a window as its orders come, without keeping them. */
final class WindowSums implements AggregateFunction<OrderEvent, Sums, Sums> {
    private static final long serialVersionUID = 1;

    @Override
    public Sums createAccumulator() {
        return new Sums();
    }

    @Override
    public Sums add(OrderEvent event, Sums sums) {
        if (sums.orders == 0) {
            sums.firstEventMs = System.currentTimeMillis();
        }
        sums.orders++;
        if ("BUY".equals(event.getSide())) {
            sums.buys++;
        } else if ("SELL".equals(event.getSide())) {
            sums.sells++;
        }
        sums.total += event.getPrice() * event.getQuantity();
        sums.prices += event.getPrice();
        sums.min = Math.min(sums.min, event.getPrice());
        sums.max = Math.max(sums.max, event.getPrice());
        return sums;
    }

    @Override
    public Sums getResult(Sums sums) {
        return sums;
    }

    @Override
    public Sums merge(Sums one, Sums other) {
        one.firstEventMs = one.orders == 0 ? other.firstEventMs : one.firstEventMs;
        one.orders += other.orders;
        one.buys += other.buys;
        one.sells += other.sells;
        one.total += other.total;
        one.prices += other.prices;
        one.min = Math.min(one.min, other.min);
        one.max = Math.max(one.max, other.max);
        return one;
    }
}
