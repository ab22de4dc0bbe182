package footfall.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.enumerate.NonSplittingRecursiveEnumerator;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Event-time session windows over the event file, as a Flink user would write them: heap state, one slot. */
public final class Sessions {
    /** One line of the file: a visitor's next events. */
    public static final class Visit {
        public long visitor;
        @JsonProperty("log_time")
        public long logTime;
        public boolean first;
        public List<Happening> events;
    }

    /** One event in the file. */
    public static final class Happening {
        @JsonProperty("event_id")
        public String id;
        public String name;
        public String url;
        @JsonProperty("occurred_at")
        public long at;
        @JsonProperty("engaged_ms")
        public int engaged; // left out where there is none
    }

    /** What goes through the window: flat, so that Flink's POJO serializer takes it. */
    public static final class Event {
        public long visitor;
        public long at;
        public boolean page;
        public int engaged;
    }

    /** The fold of a session. */
    public static final class Total {
        public long start = Long.MAX_VALUE;
        public long end;
        public int events;
        public int pages;
        public long engaged;
    }

    private static final class Decode extends RichFlatMapFunction<String, Event> {
        private transient ObjectReader reader;
        private transient Event event;

        @Override
        public void open(OpenContext context) {
            reader = new ObjectMapper().readerFor(Visit.class);
            event = new Event();
        }

        @Override
        public void flatMap(String line, Collector<Event> out) throws Exception {
            Visit visit = reader.readValue(line);
            for (Happening happening : visit.events) {
                event.visitor = visit.visitor;
                event.at = happening.at;
                event.page = happening.name.equals("page_view");
                event.engaged = happening.engaged;
                out.collect(event);
            }
        }
    }

    private static final class Fold implements AggregateFunction<Event, Total, Total> {
        @Override
        public Total createAccumulator() {
            return new Total();
        }

        @Override
        public Total add(Event event, Total total) {
            total.start = Math.min(total.start, event.at);
            total.end = Math.max(total.end, event.at);
            total.events++;
            total.pages += event.page ? 1 : 0;
            total.engaged += event.engaged;
            return total;
        }

        @Override
        public Total getResult(Total total) {
            return total;
        }

        @Override
        public Total merge(Total one, Total other) {
            one.start = Math.min(one.start, other.start);
            one.end = Math.max(one.end, other.end);
            one.events += other.events;
            one.pages += other.pages;
            one.engaged += other.engaged;
            return one;
        }
    }

    private static final class Line extends ProcessWindowFunction<Total, String, Long, TimeWindow> {
        @Override
        public void process(Long visitor, Context context, Iterable<Total> totals, Collector<String> out) {
            Total total = totals.iterator().next();
            out.collect(visitor + " " + total.start + " " + total.end + " " + total.events + " " + total.pages
                    + " " + total.engaged);
        }
    }

    private static final class Write extends RichMapFunction<String, String> {
        private final String file;
        private transient PrintWriter writer;

        Write(String file) {
            this.file = file;
        }

        @Override
        public void open(OpenContext context) throws Exception {
            writer = new PrintWriter(Files.newBufferedWriter(Path.of(file)));
        }

        @Override
        public String map(String line) {
            writer.println(line);
            return line;
        }

        @Override
        public void close() {
            if (writer != null) {
                writer.close();
            }
        }
    }

    /** Arguments: event file, file for the sessions. */
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1);
        environment.getConfig().enableObjectReuse();
        // One split: parts of a file read out of order would make events late.
        FileSource<String> file = FileSource
                .forRecordStreamFormat(new TextLineInputFormat(), new org.apache.flink.core.fs.Path(arguments[0]))
                .setFileEnumerator(NonSplittingRecursiveEnumerator::new)
                .build();
        environment.fromSource(file, WatermarkStrategy.noWatermarks(), "file")
                .flatMap(new Decode())
                .returns(Event.class)
                .assignTimestampsAndWatermarks(WatermarkStrategy
                        .<Event>forBoundedOutOfOrderness(Duration.ofMinutes(10))
                        .withTimestampAssigner((event, before) -> event.at))
                .keyBy(event -> event.visitor)
                .window(EventTimeSessionWindows.withGap(Duration.ofMinutes(30)))
                .aggregate(new Fold(), new Line())
                .map(new Write(arguments[1]))
                .sinkTo(new DiscardingSink<>());
        environment.execute("sessions");
    }
}
