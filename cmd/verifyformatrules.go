package cmd

import (
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// Rules of SARIF that are no reasons of findings.
const (
	sarifUnreadable = "unreadable"
	sarifGate       = "gate/" // before the name of a rule of the gate
)

// sarifRules are what `ckpt verify` looks for, in words for those who see a log only.
var sarifRules = []sarifRule{
	newSARIFRule(string(verify.Missing), "A file is missing",
		"The _metadata of a checkpoint names a file that is not there. Flink cannot restore the checkpoint.",
		"Restore from another checkpoint. Shared files vanish after a restore in claim mode CLAIM from a later checkpoint, when a cleaner "+
			"or lifecycle rule of the storage deletes by age, and when a copy left them out; for a copy, say by --map where they lie."),
	newSARIFRule(string(verify.Size), "A file is of another size",
		"A file has not the size that the _metadata recorded when the checkpoint was made.",
		"Restore from another checkpoint. A file that is too short was cut off while it was copied or written."),
	newSARIFRule(string(verify.Segment), "A file ends too early",
		"A file of merged state ends before a segment of it does that the checkpoint names.",
		"Restore from another checkpoint. The file was cut off while it was copied or written."),
	newSARIFRule(string(verify.Path), "A path names no file",
		"A path in the _metadata is empty, ends in a slash, or leads out of the checkpoint's directory.",
		"Flink never writes such a path. The _metadata was changed by something else."),
	newSARIFRule(string(verify.Encoding), "The _metadata is broken",
		"The _metadata cannot be read to its end, does not encode to the same bytes again, or does not agree with itself.",
		"ckpt inspect --bytes shows how far it can be read. Restore from another checkpoint."),
	newSARIFRule(string(verify.KeyGroups), "Key groups do not fit",
		"The key groups of an operator's sub-tasks overlap, leave gaps, or lie outside of its range: state would be lost or doubled.",
		"Restore from another checkpoint, and look for the program that wrote this one."),
	newSARIFRule(string(verify.Checksum), "A checksum does not fit",
		"The bytes of a file are not those of which the checksum was made.",
		"The storage or a copy changed them. Restore from another checkpoint, or copy the file again."),
	newSARIFRule(string(verify.Bytes), "The bytes are not Flink's",
		"A state file does not hold what Flink writes there: its header, its blocks or its offsets are wrong.",
		"The storage or a copy changed them. Restore from another checkpoint, or copy the file again."),
	newSARIFRule(sarifUnreadable, "A checkpoint could not be checked",
		"Something that the check needs could not be read, so that nothing is known: this is no pass.",
		"See the message for what the storage said, and run the check again."),
	newSARIFRule(sarifGate+gate.MaxOrphanBytes, "Too many bytes of orphans",
		"More bytes than the gate file allows belong to no checkpoint and no savepoint.", "ckpt du lists them."),
	newSARIFRule(sarifGate+gate.MaxGrowth, "The state grew too much",
		"The newest complete checkpoint is larger than the one before, by more than the gate file allows.",
		"ckpt inspect shows the sizes of both by operator."),
	newSARIFRule(sarifGate+gate.RequiredUIDs, "An operator is missing",
		"The newest complete checkpoint has no operator with a uid that the gate file requires.",
		"ckpt uid --match compares uids with a checkpoint."),
	newSARIFRule(sarifGate+gate.MinRestorable, "Too few checkpoints verify",
		"Fewer checkpoints than the gate file asks for verify at the level of the run.", "See the findings about each checkpoint."),
	newSARIFRule(sarifGate+gate.MaxAge, "The newest checkpoint is too old",
		"The newest complete checkpoint is older than the gate file allows.", "The job may have stopped, or its checkpoints fail."),
	newSARIFRule(sarifGate+gate.Jobs, "A job is missing",
		"The gate file has rules for a job that was not found.", "Verify a tree that holds it, or take it out of the gate file."),
}

func newSARIFRule(id, short, full, help string) sarifRule {
	return sarifRule{ID: id, Short: sarifText{short}, Full: sarifText{full}, Help: sarifText{help}}
}
