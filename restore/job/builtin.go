package job

import (
	"io"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// World is what the built-in types use of the outside world.
type World struct {
	Open        layout.OpenStore   // to read files
	OpenMutable layout.OpenMutable // to write them
	In          io.Reader
	Out         io.Writer
	// OnBad is told of records that a source leaves out.
	OnBad func(err error)
}

// Builtin is the catalog of all types that the package comment lists.
func Builtin(w World) *Catalog {
	return &Catalog{
		Sources: map[string]SourceFactory{
			"sequence": sourceType[SequenceOptions]{make: sequence},
			"datagen":  sourceType[DatagenOptions]{make: datagen},
			"files":    sourceType[FilesOptions]{FilesOptions{}, w.files},
			"stdin":    sourceType[StdinOptions]{StdinOptions{}, w.stdin},
			"socket":   sourceType[SocketOptions]{SocketOptions{}, w.socket},
		},
		Operators: map[string]OperatorFactory{
			"map":         operatorType[MapOptions]{make: mapped, inputs: func(o *MapOptions) []Input { return single(o.Input, nil) }},
			"filter":      operatorType[FilterOptions]{make: filtered, inputs: func(o *FilterOptions) []Input { return single(o.Input, nil) }},
			"flat-map":    operatorType[FlatMapOptions]{make: flatMapped, inputs: func(o *FlatMapOptions) []Input { return single(o.Input, nil) }},
			"aggregate":   operatorType[AggregateOptions]{make: aggregated, inputs: func(o *AggregateOptions) []Input { return single(o.Input, o.KeyBy) }},
			"window":      operatorType[WindowOptions]{WindowOptions{Time: "event"}, windowed, func(o *WindowOptions) []Input { return single(o.Input, o.KeyBy) }},
			"deduplicate": operatorType[DeduplicateOptions]{DeduplicateOptions{Keep: "first"}, deduplicated, func(o *DeduplicateOptions) []Input { return single(o.Input, o.KeyBy) }},
			"interval-join": operatorType[IntervalJoinOptions]{make: intervalJoined, inputs: func(o *IntervalJoinOptions) []Input {
				return []Input{{From: o.Left.Input, Key: o.Left.KeyBy}, {From: o.Right.Input, Key: o.Right.KeyBy}}
			}},
			"enrich": operatorType[EnrichOptions]{EnrichOptions{Missing: "keep"}, enriched, func(o *EnrichOptions) []Input {
				return []Input{{From: o.Input}, {From: o.Table.Input, Broadcast: true}}
			}},
		},
		Sinks: map[string]SinkFactory{
			"files":   sinkType[FilesSinkOptions]{FilesSinkOptions{}, w.filesSink, func(o *FilesSinkOptions) UID { return o.Input }},
			"stdout":  sinkType[StdoutOptions]{StdoutOptions{}, w.stdout, func(o *StdoutOptions) UID { return o.Input }},
			"discard": sinkType[DiscardOptions]{DiscardOptions{}, discard, func(o *DiscardOptions) UID { return o.Input }},
		},
	}
}

func single(from UID, key Names) []Input { return []Input{{From: from, Key: key}} }

// sourceType is a SourceFactory with options of the type O.
type sourceType[O any] struct {
	defaults O
	make     func(o *O, s *Scope) engine.Source
}

func (t sourceType[O]) Options() any { o := t.defaults; return &o }

func (t sourceType[O]) Source(options any, s *Scope) engine.Source {
	return t.make(must[*O](options), s)
}

// operatorType is an OperatorFactory.
type operatorType[O any] struct {
	defaults O
	make     func(o *O, s *Scope) (*engine.Schema, func() engine.Operator)
	inputs   func(o *O) []Input
}

func (t operatorType[O]) Options() any { o := t.defaults; return &o }

func (t operatorType[O]) Inputs(options any) []Input { return t.inputs(must[*O](options)) }

func (t operatorType[O]) Operator(options any, s *Scope) (*engine.Schema, func() engine.Operator) {
	return t.make(must[*O](options), s)
}

// sinkType is a SinkFactory.
type sinkType[O any] struct {
	defaults O
	make     func(o *O, s *Scope) (engine.Guarantee, func() engine.Operator)
	input    func(o *O) UID
}

func (t sinkType[O]) Options() any { o := t.defaults; return &o }

func (t sinkType[O]) Input(options any) UID { return t.input(must[*O](options)) }

func (t sinkType[O]) Sink(options any, s *Scope) (engine.Guarantee, func() engine.Operator) {
	return t.make(must[*O](options), s)
}
