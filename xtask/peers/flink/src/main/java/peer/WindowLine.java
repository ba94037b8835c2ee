package peer;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** A window that closed, as a line. */
final class WindowLine extends ProcessWindowFunction<Sums, String, String, TimeWindow> {
    private static final long serialVersionUID = 1;

    @Override
    public void process(String symbol, Context context, Iterable<Sums> one, Collector<String> out) {
        DateTimeFormatter clock = DateTimeFormatter.ofPattern("HH:mm:ss").withZone(ZoneId.of("Asia/Seoul"));
        Sums sums = one.iterator().next();
        double average = Math.round(sums.prices / sums.orders * 100) / 100.0;
        out.collect("Agg{symbol=" + symbol
                + ", window=[" + clock.format(Instant.ofEpochMilli(sums.firstEventMs))
                + "~" + clock.format(Instant.ofEpochMilli(context.window().getEnd()))
                + "], orders=" + sums.orders + "(B:" + sums.buys + "/S:" + sums.sells
                + "), total=" + Plain.of(sums.total) + ", avg=" + Plain.of(average)
                + ", range=[" + Plain.of(sums.min) + "~" + Plain.of(sums.max) + "]}");
    }
}
