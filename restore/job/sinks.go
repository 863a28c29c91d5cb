package job

import (
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// FilesSinkOptions are of the sink type files.
type FilesSinkOptions struct {
	Input UID    `job:"input,required"`
	URL   string `job:"url,required"`
	FormatOptions
	Prefix   string `job:"prefix"`
	RollSize *Size  `job:"roll-size"`
	Consumed bool   `job:"consumed"`
}

func (w World) filesSink(o *FilesSinkOptions, s *Scope) (engine.Guarantee, func() engine.Operator) {
	sink := &connectors.FileSink{URL: o.URL, Store: w.OpenMutable, Format: o.format(s), Prefix: o.Prefix, Consumed: o.Consumed}
	if o.RollSize != nil {
		if sink.RollSize = int64(*o.RollSize); sink.RollSize < 1 {
			s.Fail("roll-size", "want 1 byte or more")
		}
	}
	return sinkOf(sink, s)
}

// StdoutOptions are of the sink type stdout.
type StdoutOptions struct {
	Input UID `job:"input,required"`
	FormatOptions
}

func (w World) stdout(o *StdoutOptions, s *Scope) (engine.Guarantee, func() engine.Operator) {
	return sinkOf(&connectors.Stdout{Out: w.Out, Format: o.format(s)}, s)
}

// sinkOf gives a sink whose settings are right.
func sinkOf(sink interface {
	Check() error
	Guarantee() engine.Guarantee
	New() engine.Operator
}, s *Scope) (engine.Guarantee, func() engine.Operator) {
	if s.failed {
		return 0, nil
	}
	if err := sink.Check(); err != nil {
		s.Fail("", "%v", err)
		return 0, nil
	}
	return sink.Guarantee(), sink.New
}

// DiscardOptions are of the sink type discard.
type DiscardOptions struct {
	Input UID `job:"input,required"`
}

func discard(*DiscardOptions, *Scope) (engine.Guarantee, func() engine.Operator) {
	sink := new(connectors.Discard)
	return sink.Guarantee(), sink.New
}
