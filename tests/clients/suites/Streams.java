import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * Counts words with Kafka Streams under exactly_once_v2 while its processes are killed. Without a cache each word that
 * is read is one record that is written; so the counts of a word must be 1, 2, 3 … up to how often it was sent: a word
 * that is lost or counted twice shows at its place.
 *
 * <pre>Streams HOST:PORT FOLDER KILLS    the judge, which starts two workers and kills one after the other</pre>
 */
public class Streams {
    private static final int WORDS = 200;
    private static final int LINES = 12_000;

    public static void main(String[] args) throws Exception {
        if (args[0].equals("worker")) {
            work(args[1], args[2], args[3]);
        } else {
            System.exit(judge(args[0], Path.of(args[1]), Integer.parseInt(args[2])) ? 0 : 1);
        }
    }

    private static void work(String broker, String run, String folder) {
        var builder = new StreamsBuilder();
        builder.stream(run + "-lines", Consumed.with(Serdes.String(), Serdes.String()))
                .flatMapValues(line -> Arrays.asList(line.split(" ")))
                .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
                .count(Materialized.<String, Long>as(Stores.persistentKeyValueStore("counts"))
                        .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
                .toStream()
                .to(run + "-counts", Produced.with(Serdes.String(), Serdes.Long()));
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, run);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
        settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 1500);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        var streams = new KafkaStreams(builder.build(), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
    }

    private static Process worker(String broker, String run, Path folder, int number) throws Exception {
        Path log = folder.resolve("worker-" + number + ".log");
        var command = new ArrayList<String>(List.of(ProcessHandle.current().info().command().orElse("java"), "-Xmx256m",
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        String logging = System.getProperty("log4j2.configurationFile");
        if (logging != null) {
            command.add("-Dlog4j2.configurationFile=" + logging);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "Streams", "worker", broker, run,
                folder.resolve("state-" + number).toString()));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    private static boolean judge(String broker, Path folder, int kills) throws Exception {
        String run = "streams-" + UUID.randomUUID().toString().substring(0, 8);
        Files.createDirectories(folder);
        Map<String, Object> to = Map.of("bootstrap.servers", broker);
        try (var admin = Admin.create(to)) {
            admin.createTopics(List.of(new NewTopic(run + "-lines", 4, (short) 1),
                    new NewTopic(run + "-counts", 4, (short) 1))).all().get();
        }
        var workers = new Process[2];
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            for (Process one : workers) {
                if (one != null) {
                    one.destroyForcibly();
                }
            }
        }));
        for (int i = 0; i < workers.length; i++) {
            workers[i] = worker(broker, run, folder, i);
        }

        // Lines at a steady pace, and a kill at the same distances; so each kill meets work.
        var expected = new HashMap<String, Long>();
        var random = new Random(1);
        int killed = 0;
        long start = System.nanoTime();
        try (var producer = new KafkaProducer<String, String>(
                Map.of("bootstrap.servers", broker, "enable.idempotence", true), new StringSerializer(), new StringSerializer())) {
            for (int line = 0; line < LINES; line++) {
                var words = new StringBuilder();
                for (int i = 0; i < 5; i++) {
                    // Some words are rare and some common.
                    String word = "word" + (int) (WORDS * random.nextDouble() * random.nextDouble());
                    expected.merge(word, 1L, Long::sum);
                    words.append(i == 0 ? "" : " ").append(word);
                }
                producer.send(new ProducerRecord<>(run + "-lines", null, words.toString()));
                long due = start + TimeUnit.SECONDS.toNanos(6) * (kills + 1) * line / LINES;
                while (System.nanoTime() < due) {
                    Thread.sleep(1);
                }
                if (killed < kills && line > LINES / (kills + 1) * (killed + 1)) {
                    int one = killed % workers.length;
                    workers[one].destroyForcibly().waitFor();
                    workers[one] = worker(broker, run, folder, one);
                    killed++;
                }
            }
        }

        var counts = new HashMap<String, Long>();
        long wanted = expected.values().stream().mapToLong(Long::longValue).sum();
        long seen = 0;
        long wrong = 0;
        long quiet = System.nanoTime();
        try (var consumer = new KafkaConsumer<String, Long>(
                Map.of("bootstrap.servers", broker, "isolation.level", "read_committed", "auto.offset.reset", "earliest"),
                new StringDeserializer(), new LongDeserializer())) {
            var partitions = new ArrayList<TopicPartition>();
            for (int i = 0; i < 4; i++) {
                partitions.add(new TopicPartition(run + "-counts", i));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            // Until all have come, and three seconds more for what is too many; or until nothing comes for two minutes.
            while (System.nanoTime() - quiet < TimeUnit.SECONDS.toNanos(seen < wanted ? 120 : 3)) {
                for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(200))) {
                    quiet = System.nanoTime();
                    seen++;
                    long next = counts.getOrDefault(record.key(), 0L) + 1;
                    if (record.value() != next && wrong++ < 10) {
                        System.err.println(record.key() + " is " + record.value() + " after " + (next - 1));
                    }
                    counts.put(record.key(), record.value());
                }
            }
        }
        for (Process one : workers) {
            one.destroy();
        }
        for (Process one : workers) {
            if (!one.waitFor(30, TimeUnit.SECONDS)) {
                one.destroyForcibly();
            }
        }
        boolean same = counts.equals(expected);
        System.err.printf("%d words were sent, %d counts written, %d of them wrong, %d kills, the last counts %s, %d s%n",
                wanted, seen, wrong, killed, same ? "are right" : "are not", (System.nanoTime() - start) / 1_000_000_000);
        return same && wrong == 0 && seen == wanted;
    }
}
