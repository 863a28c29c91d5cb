package fx;

import org.apache.flink.runtime.state.StateBackend;

/** What differs between the versions of Flink. */
public class V {
    public static final String VERSION =
            org.apache.flink.runtime.util.EnvironmentInformation.getVersion();

    /** Scratch space, outside of the trees. RocksDB writes this path into its OPTIONS files. */
    public static final String LOCAL = System.getProperty("fx.local", "/flink/local-state");

    public abstract static class SrcBase<T>
            extends org.apache.flink.streaming.api.functions.source.RichParallelSourceFunction<T> {}

    public static StateBackend rocks() {
        return new org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackend(true);
    }

    public abstract static class KReader<K>
            extends org.apache.flink.state.api.functions.KeyedStateReaderFunction<K, String> {
        public abstract void init() throws Exception;

        @Override
        public void open(org.apache.flink.configuration.Configuration c) throws Exception {
            init();
        }
    }
}
