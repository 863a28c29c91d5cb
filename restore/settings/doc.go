// Package settings makes of Flink's configuration keys what the engine runs with.
//
// What an application says (its job file) counts first, then the configuration (--flink-conf, -D), then the default. Keys have all
// spellings that Flink knows. What the engine does not do is refused by the key's name, or accepted with a warning
// where nothing depends on it; a key that is misspelt in a job file is refused.
//
// Which state backend and which storage a configuration comes to is a table: see [Load], and docs/run.md.
//
// Sources: Flink's StateBackendLoader, CheckpointStorageLoader, CheckpointingOptions, StateBackendOptions, ExecutionCheckpointingOptions,
// RestartStrategyOptions, RocksDBOptions, TaskManagerOptions.
package settings
