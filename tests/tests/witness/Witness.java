import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * Reads a topic with Kafka's own consumer and decodes keys and values with Kafka Connect's own
 * JsonConverter, schemas and all, as any sink connector does.
 *
 * <p>Arguments: bootstrap servers, topic, number of records. Prints one JSON object per record: the
 * operation, the key, the rows before and after as text by field, the names of the rows' schemas by
 * field, and whether the converter encodes what it read to the very bytes that it read.
 */
public final class Witness {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration QUIET = Duration.ofSeconds(1);

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0];
        String topic = arguments[1];
        int count = Integer.parseInt(arguments[2]);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        try (JsonConverter keys = converter(true); JsonConverter values = converter(false)) {
            for (ConsumerRecord<byte[], byte[]> record : read(bootstrap, topic, count)) {
                out.println(JSON.writeValueAsString(decoded(record, keys, values)));
            }
        }
        out.flush();
    }

    private static JsonConverter converter(boolean isKey) {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", true), isKey);
        return converter;
    }

    /** All records up to `count`, and what else comes at once after them. */
    private static List<ConsumerRecord<byte[], byte[]>> read(String bootstrap, String topic, int count) {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap,
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest");
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (records.size() < count && System.nanoTime() < deadline) {
                consumer.poll(QUIET).forEach(records::add);
            }
            consumer.poll(QUIET).forEach(records::add);
        }
        return records;
    }

    private static Map<String, Object> decoded(
            ConsumerRecord<byte[], byte[]> record, JsonConverter keys, JsonConverter values) {
        SchemaAndValue key = keys.toConnectData(record.topic(), record.key());
        SchemaAndValue value = values.toConnectData(record.topic(), record.value());
        Map<String, Object> decoded = new LinkedHashMap<>();
        decoded.put("key", row((Struct) key.value()));
        decoded.put("same", isSame(keys, record.topic(), key, record.key())
                && isSame(values, record.topic(), value, record.value()));
        Struct envelope = (Struct) value.value();
        if (envelope != null) {
            envelope.validate();
            decoded.put("op", envelope.getString("op"));
            decoded.put("before", row(envelope.getStruct("before")));
            decoded.put("after", row(envelope.getStruct("after")));
            decoded.put("table", envelope.getStruct("source").getString("table"));
            decoded.put("schemas", schemas(envelope.schema().field("after").schema()));
        }
        return decoded;
    }

    private static boolean isSame(JsonConverter converter, String topic, SchemaAndValue data, byte[] bytes) {
        return Arrays.equals(converter.fromConnectData(topic, data.schema(), data.value()), bytes);
    }

    private static Map<String, String> schemas(Schema row) {
        Map<String, String> names = new LinkedHashMap<>();
        for (Field field : row.fields()) {
            Schema schema = field.schema();
            names.put(field.name(), schema.name() == null ? schema.type().getName() : schema.name());
        }
        return names;
    }

    private static Map<String, String> row(Struct row) {
        if (row == null) {
            return null;
        }
        row.validate();
        Map<String, String> texts = new LinkedHashMap<>();
        for (Field field : row.schema().fields()) {
            texts.put(field.name(), text(row.get(field), field.schema().name()));
        }
        return texts;
    }

    /** A value as text that PostgreSQL can be asked for, too. */
    private static String text(Object value, String schema) {
        if (value == null) {
            return null;
        } else if (value instanceof Float number) {
            return "%08x".formatted(Float.floatToRawIntBits(number));
        } else if (value instanceof Double number) {
            return "%016x".formatted(Double.doubleToRawLongBits(number));
        } else if (value instanceof BigDecimal number) {
            return number.toPlainString();
        } else if (value instanceof byte[] bytes) {
            return HexFormat.of().formatHex(bytes);
        } else if (value instanceof ByteBuffer bytes) {
            return HexFormat.of().formatHex(bytes.array());
        } else if (value instanceof Date date) {
            return text(date.toInstant(), schema);
        } else if (value instanceof List<?> list) {
            return json(list);
        }
        return value.toString();
    }

    private static String text(Instant instant, String schema) {
        String pattern = switch (schema) {
            case "org.apache.kafka.connect.data.Date" -> "uuuu-MM-dd";
            case "org.apache.kafka.connect.data.Time" -> "HH:mm:ss.SSS";
            default -> "uuuu-MM-dd'T'HH:mm:ss.SSS";
        };
        return DateTimeFormatter.ofPattern(pattern).withZone(ZoneOffset.UTC).format(instant);
    }

    private static String json(List<?> list) {
        try {
            return JSON.writeValueAsString(list);
        } catch (com.fasterxml.jackson.core.JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
    }
}
