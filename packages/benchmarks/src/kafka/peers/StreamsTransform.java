import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Kafka Streams with one thread: decodes each record of a topic, changes one field, encodes it into another topic.
 *
 * Reads jobs from standard input, a line each: bootstrap, topic to read, topic to write, application id, records, guarantee. For
 * each it prints the seconds from the moment when its task runs until the offsets of all records are committed, and the seconds of
 * CPU time meanwhile. One process does all jobs, so that its code stays compiled.
 */
public class StreamsTransform {
  /** As code that Avro generates reads and writes a record, without a look at its schema. */
  record Reading(Utf8 text, int n) {}

  static class ReadingSerializer implements Serializer<Reading> {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(256);
    private final BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);

    @Override
    public byte[] serialize(String topic, Reading reading) {
      try {
        out.reset();
        encoder.writeString(reading.text());
        encoder.writeInt(reading.n());
        return out.toByteArray();
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static class ReadingDeserializer implements Deserializer<Reading> {
    private BinaryDecoder decoder;

    @Override
    public Reading deserialize(String topic, byte[] data) {
      try {
        decoder = DecoderFactory.get().binaryDecoder(data, decoder);
        Utf8 text = decoder.readString(null);
        return new Reading(text, decoder.readInt());
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    var jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = jobs.readLine()) != null; ) {
      String[] job = line.split(" ");
      System.out.println(run(job[0], job[1], job[2], job[3], Long.parseLong(job[4]), job[5]));
    }
  }

  static String run(String bootstrap, String from, String to, String application, long records, String guarantee) throws Exception {
    var properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("millrace-streams-").toString());
    properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    properties.put(StreamsConfig.producerPrefix("acks"), "all");

    Serde<Reading> readings = Serdes.serdeFrom(new ReadingSerializer(), new ReadingDeserializer());
    var builder = new StreamsBuilder();
    builder.stream(from, Consumed.with(Serdes.ByteArray(), readings))
        .mapValues(reading -> new Reading(reading.text(), reading.n() + 1))
        .to(to, Produced.with(Serdes.ByteArray(), readings));

    var running = new CountDownLatch(1);
    try (var admin = Admin.create(Map.of("bootstrap.servers", (Object) bootstrap)); var streams = new KafkaStreams(builder.build(), properties)) {
      streams.setStateListener((now, before) -> {
        if (now == KafkaStreams.State.RUNNING || now == KafkaStreams.State.ERROR) running.countDown();
      });
      streams.start();
      running.await();
      long startedAt = System.nanoTime(), cpu = cpuTime();
      while (committed(admin, application) < records) {
        if (streams.state() == KafkaStreams.State.ERROR) throw new IllegalStateException("Kafka Streams failed");
        Thread.sleep(10);
      }
      String measured = "{\"seconds\":" + (System.nanoTime() - startedAt) / 1e9 + ",\"cpuSeconds\":" + (cpuTime() - cpu) / 1e9 + "}";
      streams.close(Duration.ofSeconds(30));
      streams.cleanUp();
      return measured;
    }
  }

  /** Records whose offsets are committed: the topic begins at 0. */
  static long committed(Admin admin, String group) throws Exception {
    long sum = 0;
    for (Map.Entry<TopicPartition, OffsetAndMetadata> each : admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet()) {
      if (each.getValue() != null) sum += each.getValue().offset();
    }
    return sum;
  }

  static long cpuTime() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }
}
