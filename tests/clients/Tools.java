import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.utils.Exit;

/**
 * Kafka's command line tools, one after the other in one JVM: starting one for each would take most of the time.
 * A line asks for one: files for stdin and stdout, class, arguments, with tabs between. The answer is its exit code.
 */
public class Tools {
    private static final class Ended extends RuntimeException {}

    public static void main(String[] none) throws Exception {
        PrintStream answers = System.out;
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
        AtomicInteger code = new AtomicInteger();
        ArrayList<Runnable> hooks = new ArrayList<>();
        Exit.Procedure exit = (status, message) -> {
            code.compareAndSet(-1, status);
            throw new Ended();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        for (String line; (line = asked.readLine()) != null; ) {
            String[] parts = line.split("\t", -1);
            code.set(-1);
            hooks.clear();
            try (var in = Files.newInputStream(Path.of(parts[0]));
                    var out = new PrintStream(parts[1]);
                    var err = new PrintStream(parts[1] + ".err")) {
                System.setIn(in);
                System.setOut(out);
                System.setErr(err);
                try {
                    String[] arguments = Arrays.copyOfRange(parts, 3, parts.length);
                    Class.forName(parts[2]).getMethod("main", String[].class).invoke(null, (Object) arguments);
                } catch (InvocationTargetException failed) {
                    if (!(failed.getCause() instanceof Ended)) {
                        failed.getCause().printStackTrace();
                        code.compareAndSet(-1, 1);
                    }
                }
                hooks.forEach(Runnable::run);
            }
            answers.println(Math.max(0, code.get()));
            answers.flush();
        }
    }
}
