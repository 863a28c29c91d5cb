package offsets

// Meaning is how a Position.Offset is to be understood.
type Meaning string

// The meanings. All but Next stand for an offset that the job looks up when it starts.
const (
	Next      Meaning = "next"      // it is the next one to read
	Earliest  Meaning = "earliest"  // the first there is
	Latest    Meaning = "latest"    // behind the last there is
	Committed Meaning = "committed" // as the consumer group has committed
	// Initial stands for a split that nobody has begun to read: the job's settings say where.
	Initial Meaning = "initial"
	// Modified is of a time in milliseconds since 1970: files changed later are read.
	Modified Meaning = "modified"
)

// Position is where one split of a source goes on.
type Position struct {
	Connector string // kafka, file, sequence, elements, ckpt
	// Format is the Java class that writes such bytes, with its version where it has any.
	Format string
	Split  string // as the source calls it; of Kafka topic-partition
	// Unassigned is whether no reader has it yet: the coordinator will hand it out.
	Unassigned bool
	Source     int32 // which source of a HybridSource it is of; -1 where it is none

	Cluster   string // of a dynamic Kafka source
	Topic     string
	Partition int32 // -1 but for Kafka

	// Path is the file; Start and Length are the stretch of it that the split is, in bytes, -1 where not known.
	Path          string
	Start, Length int64

	// Offset is a record of a partition, a byte of a file, a number of a sequence. It says nothing where
	// Meaning tells that it is still to be found.
	Offset  int64
	Meaning Meaning
	// Skip is how many records behind Offset were read as well.
	Skip int64

	// Stop is the first offset not to be read, nil where there is no end. Meaning says what to make of it.
	Stop        *int64
	StopMeaning Meaning
	// Last is the last number of a sequence, which is read as well. Left is how many there are, 0 if not known.
	Last *int64
	Left int64
}

func newPosition(connector, format string) Position {
	return Position{Connector: connector, Format: format, Source: -1, Partition: -1, Start: -1, Length: -1, Meaning: Next}
}

// Transaction is what a sink has written and not yet committed when the checkpoint was taken. Who restores from it commits
// it.
type Transaction struct {
	Connector string // kafka; "" where the committable is of a sink that is not known
	Format    string
	ID        string // transactional id
	Producer  int64  // -1 where not known
	Epoch     int16  // -1 where not known
	// Checkpoint is which one was to commit it, -1 where not known.
	Checkpoint int64
	Subtask    int32 // of the writer, -1 where not known
	// State is received, retry, failed, committed; open for what records were still being written to, which is aborted;
	// precommitted where the writer tells of it.
	State   string
	Retries int32
	Started int64  // milliseconds since 1970, 0 where not known
	Raw     []byte // the committable, where the sink is not known
}

// Writer is what a Kafka writer knows of itself (Flink: KafkaWriterState).
type Writer struct {
	Format string
	Prefix string // of its transactional ids
	// Doubtful is whether any sink that keeps one text would look the same: nothing but Prefix speaks for Kafka.
	Doubtful     bool
	Subtask      int32 // whose transactional ids it owns, -1 where not known
	Subtasks     int32 // of how many, -1 where not known
	Precommitted []Transaction
}
