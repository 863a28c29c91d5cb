package prune

// Name names a guard.
type Name string

// Outcome is what a guard has come to, the worst last. Each guard has one class, which is
// the worst outcome that it can have.
type Outcome uint8

// The outcomes.
const (
	Passed  Outcome = iota
	Hold            // some objects or snapshots stay
	StopJob         // nothing of some jobs is deleted
	StopAll         // nothing is deleted
)

var outcomeNames = [...]string{"passed", "hold", "stop-job", "stop-all"}

// String is the name that scripts know.
func (o Outcome) String() string { return outcomeNames[o] }

// The guards.
const (
	// StopAll.
	GuardRoot       Name = "root"
	GuardListing    Name = "listing"
	GuardMetadata   Name = "metadata"
	GuardHandle     Name = "handle"
	GuardReference  Name = "reference"
	GuardOtherRoots Name = "other-roots"
	GuardCluster    Name = "cluster"
	GuardHA         Name = "high-availability"
	GuardUnsaved    Name = "live-without-checkpoint"
	GuardClock      Name = "clock"
	GuardPlan       Name = "plan"

	// StopJob.
	GuardState   Name = "job-state"
	GuardSubdir  Name = "no-job-directory"
	GuardTimes   Name = "times"
	GuardLineage Name = "lineage"

	// Hold.
	GuardNewest     Name = "newest"
	GuardClaimed    Name = "claimed"
	GuardDamaged    Name = "damaged"
	GuardSavepoint  Name = "savepoint"
	GuardAge        Name = "min-age"
	GuardTime       Name = "modification-time"
	GuardPassedOver Name = "passed-over"
	GuardNames      Name = "foreign-name"
	GuardOpen       Name = "under-construction"
	GuardManaged    Name = "managed-directory"
	GuardForSt      Name = "forst-database"
	GuardOrphans    Name = "orphan-share"
	GuardElsewhere  Name = "used-elsewhere"
	GuardPlace      Name = "place"
	GuardCopy       Name = "unfinished-copy"
	GuardTrash      Name = "trash"
)

// Guard is one of the guards.
type Guard struct {
	Name  Name
	Class Outcome
	Text  string // what it watches over
	// Rule is whether it keeps what is meant to stay, so that there is nothing to look into.
	Rule bool
}

// Guards are all guards, the strictest first.
var Guards = []Guard{
	{GuardRoot, StopAll, "each root is there", false},
	{GuardListing, StopAll, "every directory could be listed, and no link leads out of a root", false},
	{GuardMetadata, StopAll, "every _metadata in the roots could be read to its end", false},
	{GuardHandle, StopAll, "every handle is of a kind that is known", false},
	{GuardReference, StopAll, "each reference is a listed file, lies in a declared root, or is proved to be gone", false},
	{GuardOtherRoots, StopAll, "other roots are declared before a policy deletes checkpoints", false},
	{GuardCluster, StopAll, "each JobManager that was named answers", false},
	{GuardHA, StopAll, "the storage of high availability that was named can be read", false},
	{GuardUnsaved, StopAll, "each live job has a checkpoint, or it is known what it was restored from", false},
	{GuardClock, StopAll, "this machine's clock and the storage's agree", false},
	{GuardPlan, StopAll, "a saved plan is of this version, young, and still true", false},
	{GuardState, StopJob, "checkpoints go only from jobs that have ended, by evidence", false},
	{GuardSubdir, StopJob, "without job directories (create-subdir: false), no job may be live", false},
	{GuardTimes, StopJob, "a policy by time needs times that can be believed", false},
	{GuardLineage, StopJob, "it is clear which checkpoints follow which", false},
	{GuardNewest, Hold, "the newest whole checkpoint of a lineage stays", true},
	{GuardClaimed, Hold, "what a JobManager, high availability or the user names stays", true},
	{GuardDamaged, Hold, "damaged checkpoints stay without --remove-damaged", false},
	{GuardSavepoint, Hold, "savepoints stay without --savepoints", true},
	{GuardAge, Hold, "what is young stays", false},
	{GuardTime, Hold, "what has no modification time, or one in the future, stays", false},
	{GuardPassedOver, Hold, "orphans of a job that may live go when two later checkpoints have passed them over", false},
	{GuardNames, Hold, "what Flink has not named stays", true},
	{GuardOpen, Hold, "files that are still being written stay", false},
	{GuardManaged, Hold, "what lies in a directory of merged files that is in use stays", false},
	{GuardForSt, Hold, "the database of a job that may live stays (ForSt)", false},
	{GuardOrphans, Hold, "orphans stay where they are too great a part of a job", false},
	{GuardElsewhere, Hold, "a file of a name that is used at another place stays", false},
	{GuardPlace, Hold, "nothing goes but what lies in the roots to be pruned", true},
	{GuardCopy, Hold, "the target of an unfinished ckpt cp stays", false},
	{GuardTrash, Hold, "trash and journals stay", true},
}

// Result is what a guard has come to.
type Result struct {
	Guard
	Outcome Outcome
	Count   int    // how many objects, snapshots or jobs it has kept
	Message string // of the first of them, for people; "" where passed
}
