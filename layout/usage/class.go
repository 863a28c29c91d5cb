package usage

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Class says what a file is there for, as far as that can be known.
type Class uint8

// The classes.
const (
	Referenced Class = iota // a snapshot uses it
	Orphan                  // nothing uses it, and nothing will
	InFlight                // Flink may be about to use it
	Unknown                 // nobody can tell: Reason says why
)

var classNames = [...]string{"referenced", "orphan", "in-flight", "unknown"}

// String is a word for it.
func (c Class) String() string { return classNames[c] }

// Reason says why a file is Unknown.
type Reason uint8

// The reasons, the most certain first: of several, the first counts.
const (
	NoReason    Reason = iota // it is not Unknown
	Unread                    // a _metadata that could not be read to its end
	NotFlinks                 // Flink gives no such names, or not there
	Managed                   // in a directory of merged files that Flink deletes as a whole
	Namesake                  // a snapshot uses a file of this random name outside of the trees
	Unwitnessed               // the snapshots that may use it lie elsewhere
	Timeless                  // the storage does not tell how old it is
	Unsettled                 // what some snapshot uses is not known
)

var reasonNames = [...]string{"", "unreadMetadata", "notFlinks", "managedDirectory", "usedElsewhere", "noCheckpoints", "noTime", "unreadElsewhere"}

var reasonTexts = [...]string{
	"",
	"_metadata that cannot be read",
	"nothing that Flink has named, or not in its directories",
	"in directories of merged files that Flink deletes as a whole",
	"of a name that a checkpoint refers to at another place: is this a copy?",
	"unused, but the checkpoints of its job do not lie here: name their tree as well",
	"unused, but the storage does not tell how old it is",
	"unused, as far as one can see: not everything could be read",
}

// String is a name for scripts, "" for NoReason.
func (r Reason) String() string { return reasonNames[r] }

// Text is for people.
func (r Reason) Text() string { return reasonTexts[r] }

// Facts are all that the class of a file depends on.
type Facts struct {
	Now   time.Time
	Grace time.Duration // how recent a change must be for Flink to be still at work

	Used     bool
	Area     layout.Area
	Named    bool      // as Flink names files
	Modified time.Time // zero where the storage does not tell

	Pending bool // it lies in the directory of a snapshot that is in progress
	// Upcoming is where a checkpoint of the job is in progress, and the file is younger
	// than the newest complete one: it may be meant for the former.
	Upcoming bool
	Unread   bool // it is the _metadata of a snapshot that is there and could not be read
	Managed  bool // it lies in a directory that a snapshot has Flink delete as a whole
	Namesake bool // a snapshot names a file like it outside of the trees
	Doubt    bool // what some snapshot uses is not known
	// Unwitnessed is where no snapshot was read that could use the file: the changelog
	// may have a tree of its own.
	Unwitnessed bool
}

// Classify tells the class that the facts allow.
func Classify(f Facts) (Class, Reason) {
	switch {
	case f.Used:
		return Referenced, NoReason
	case f.Unread:
		return Unknown, Unread
	case f.Area == layout.OtherArea:
		return Unknown, NotFlinks
	case f.Pending || f.Upcoming || f.young():
		return InFlight, NoReason
	case !f.Named:
		return Unknown, NotFlinks
	case f.Managed:
		return Unknown, Managed
	case f.Namesake:
		return Unknown, Namesake
	case f.Unwitnessed:
		return Unknown, Unwitnessed
	case f.Modified.IsZero():
		return Unknown, Timeless
	case f.Doubt:
		return Unknown, Unsettled
	}
	return Orphan, NoReason
}

// young counts a time in the future in: it means that two clocks disagree.
func (f Facts) young() bool {
	return !f.Modified.IsZero() && f.Now.Sub(f.Modified) < f.Grace
}
