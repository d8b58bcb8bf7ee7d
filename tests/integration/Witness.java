import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.kafka.common.utils.Utils;

/** Java's own libraries asked: a question a line on standard input, an answer a line. Started from its source. */
class Witness {
    public static void main(String[] arguments) throws Exception {
        Schema schema = new Schema.Parser().parse(Path.of(arguments[0]).toFile());
        BinaryMessageDecoder<GenericRecord> decoder = new BinaryMessageDecoder<>(new GenericData(), schema);
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder answers = new StringBuilder();
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "fingerprint" -> // its bytes as they stand in a record
                    answers.append(HexFormat.of().formatHex(
                        SchemaNormalization.parsingFingerprint("CRC-64-AVRO", schema)));
                case "partition" -> {
                    byte[] key = HexFormat.of().parseHex(words[2]);
                    answers.append(Utils.toPositive(Utils.murmur2(key)) % Integer.parseInt(words[1]));
                }
                case "record" -> // single-object encoding; a schema that is not this one is refused
                    answers.append(decoder.decode(HexFormat.of().parseHex(words[1])));
                default -> throw new IllegalArgumentException(line);
            }
            answers.append('\n');
        }
        System.out.write(answers.toString().getBytes("UTF-8"));
        System.out.flush();
    }
}
