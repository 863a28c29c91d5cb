package job

import (
	"math"
	"time"

	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// SequenceOptions are of the source type sequence.
type SequenceOptions struct {
	From    int64   `job:"from"`
	Records *int64  `job:"records"`
	To      *int64  `job:"to"`
	Rate    float64 `job:"rate"`
	Splits  int     `job:"splits"`
	Column  string  `job:"column"`
}

func sequence(o *SequenceOptions, s *Scope) engine.Source {
	made := connectors.Sequence{From: o.From, Rate: o.Rate, Splits: o.Splits, Column: o.Column}
	switch {
	case o.Records != nil && o.To != nil:
		s.Fail("to", "either records or to")
	case o.To != nil:
		made.To = *o.To
	case o.Records == nil:
		s.Fail("", "records is missing")
	case *o.Records < 0 || *o.Records > math.MaxInt64-max(o.From, 0):
		s.Fail("records", "want 0 or more, and no number above 2^63-1")
	default:
		made.To = o.From + *o.Records - 1
	}
	checkRate(s, o.Rate, o.Splits)
	return checked(made, s)
}

func checkRate(s *Scope, rate float64, splits int) {
	if !(rate >= 0) || math.IsInf(rate, 0) {
		s.Fail("rate", "want records per second, or 0 for no limit")
	}
	if splits < 0 || s.Has("splits") && splits == 0 {
		s.Fail("splits", "want 1 or more")
	}
}

// FilesOptions are of the source type files.
type FilesOptions struct {
	URL string `job:"url,required"`
	RecordOptions
	Growing bool          `job:"growing"`
	Poll    time.Duration `job:"poll"`
}

func (w World) files(o *FilesOptions, s *Scope) engine.Source {
	if s.Has("poll") && (o.Poll <= 0 || !o.Growing) {
		s.Fail("poll", "poll is of growing files, and above zero")
	}
	return checked(&connectors.FileSource{URL: o.URL, Store: w.Open, Records: o.records(s, &w), Growing: o.Growing, Poll: o.Poll}, s)
}

// StdinOptions are of the source type stdin.
type StdinOptions struct {
	RecordOptions
}

func (w World) stdin(o *StdinOptions, s *Scope) engine.Source {
	return checked(connectors.NewStdin(w.In, o.records(s, &w)), s)
}

// SocketOptions are of the source type socket.
type SocketOptions struct {
	Address string `job:"address,required"`
	RecordOptions
}

func (w World) socket(o *SocketOptions, s *Scope) engine.Source {
	return checked(connectors.NewSocket(o.Address, o.records(s, &w)), s)
}
