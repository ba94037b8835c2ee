package peer;

import java.time.Duration;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.DiscardingSink;
import org.apache.flink.streaming.api.windowing.assigners.TumblingProcessingTimeWindows;
import org.apache.flink.streaming.api.windowing.time.Time;

/**
 * The stream processor that the worker replaces: one read of the topic, three streams. Arguments are pairs,
 * {@code --bootstrap HOST:PORT --topic NAME --group NAME --parallelism N --state rocksdb|heap --checkpoints DIR
 * --raw print|discard --window-ms N}; and where somebody wants to ask it, {@code --rest-port N}, and
 * {@code --checkpoint-ms N}.
 */
public final class OrdersJob {
    private static final Duration CHECKPOINT_INTERVAL = Duration.ofSeconds(60);
    private static final String ANY_PORT = "0";
    /** What RocksDB may use; more than a TaskManager of 1 GB leaves it. */
    private static final MemorySize MANAGED_MEMORY = MemorySize.ofMebiBytes(256);

    private OrdersJob() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> settings = Arguments.pairs(arguments);
        int parallelism = Integer.parseInt(settings.get("parallelism"));
        Configuration configuration = new Configuration();
        configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MANAGED_MEMORY);
        configuration.set(RestOptions.BIND_PORT, settings.getOrDefault("rest-port", ANY_PORT));
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
        String interval = settings.getOrDefault("checkpoint-ms", Long.toString(CHECKPOINT_INTERVAL.toMillis()));
        environment.enableCheckpointing(Long.parseLong(interval), CheckpointingMode.EXACTLY_ONCE);
        environment.getCheckpointConfig().setCheckpointStorage("file://" + settings.get("checkpoints"));
        if (settings.get("state").equals("heap")) {
            environment.setStateBackend(new HashMapStateBackend());
        } else {
            environment.setStateBackend(new EmbeddedRocksDBStateBackend());
        }

        KafkaSource<String> source =
                KafkaSource.<String>builder()
                        .setBootstrapServers(settings.get("bootstrap"))
                        .setTopics(settings.get("topic"))
                        .setGroupId(settings.get("group"))
                        .setStartingOffsets(OffsetsInitializer.earliest())
                        .setValueOnlyDeserializer(new ValueSchema())
                        .build();
        DataStream<OrderEvent> orders =
                environment
                        .fromSource(source, WatermarkStrategy.noWatermarks(), "orders topic")
                        .flatMap(new EnvelopeParser());

        if (settings.get("raw").equals("print")) {
            orders.print("RAW");
        } else {
            orders.addSink(new DiscardingSink<>());
        }
        Time window = Time.milliseconds(Long.parseLong(settings.get("window-ms")));
        orders.keyBy(OrderEvent::getSymbol)
                .window(TumblingProcessingTimeWindows.of(window))
                .aggregate(new WindowSums(), new WindowLine())
                .print("AGG");
        orders.keyBy(OrderEvent::getSymbol).process(new AlertRules()).print("ALERT");
        environment.execute("orders");
    }
}
