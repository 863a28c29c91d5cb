package connectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Datagen is made-up records (Flink: DataGeneratorSource). Record i depends on the seed and i alone, so that it is replayable:
// exactly once. It is split as Sequence is; a split's position is its next i, a Long.
type Datagen struct {
	Columns []DatagenColumn
	Seed    uint64
	Records int64   // how many; negative: without end
	Rate    float64 // records per second of all splits together; 0: no limit
	Splits  int     // 0: DefaultSplits. A checkpoint resumes with the same number only.
}

// DatagenColumn is one column of Datagen.
type DatagenColumn struct {
	Name      string
	Generator Generator
	// Nulls is the share of values that are null, 0 to 1.
	Nulls float64
}

// Generator makes the values of a column. The implementations are those of this package.
type Generator interface {
	kind() engine.Kind
	check() error
	// start gives what makes values; it is used by one goroutine.
	start() filler
}

// filler appends the values of records first, first+step, … to a vector. seed is of the column.
type filler func(v *engine.Vector, seed uint64, first, step int64, count int)

var _ engine.Source = (*Datagen)(nil)

func (d *Datagen) strided() strided {
	all := strided{what: "records", last: d.Records - 1, splits: cmp.Or(d.Splits, DefaultSplits)}
	if d.Records < 0 {
		all.last = math.MaxInt64 - int64(all.splits)
	}
	return all
}

// Check tells what is wrong with the settings.
func (d *Datagen) Check() error {
	if len(d.Columns) == 0 {
		return errors.New("datagen: no columns")
	}
	seen := map[string]bool{}
	for _, c := range d.Columns {
		switch {
		case c.Generator == nil:
			return fmt.Errorf("datagen: column %s has no generator", c.Name)
		case seen[c.Name]:
			return fmt.Errorf("datagen: column %s is there twice", c.Name)
		case !(c.Nulls >= 0 && c.Nulls <= 1):
			return fmt.Errorf("datagen: column %s: a share of nulls of %v: want 0 to 1", c.Name, c.Nulls)
		}
		if err := c.Generator.check(); err != nil {
			return fmt.Errorf("datagen: column %s: %w", c.Name, err)
		}
		seen[c.Name] = true
	}
	if err := d.strided().check(); err != nil {
		return fmt.Errorf("datagen: %w", err)
	}
	return nil
}

// Schema implements engine.Source.
func (d *Datagen) Schema() *engine.Schema {
	s := new(engine.Schema)
	for _, c := range d.Columns {
		s.Columns = append(s.Columns, engine.Column{Name: c.Name, Kind: c.Generator.kind()})
	}
	return s
}

// Guarantee implements engine.Source.
func (*Datagen) Guarantee() engine.Guarantee { return engine.ExactlyOnce }

// Bounded implements engine.Source.
func (d *Datagen) Bounded() bool { return d.Records >= 0 }

// Discover implements engine.Source.
func (d *Datagen) Discover(context.Context) ([]engine.Split, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return d.strided().discover()
}

// CheckSplit implements engine.SplitChecker.
func (d *Datagen) CheckSplit(split engine.Split) error { return d.strided().own(split) }

// Ended implements engine.SplitReopener.
func (d *Datagen) Ended(split engine.Split, position any) (bool, error) {
	return d.strided().ended(split, position)
}

// DiscoveryInterval implements engine.Source.
func (*Datagen) DiscoveryInterval() int64 { return 0 }

// Position implements engine.Source.
func (*Datagen) Position() backends.Type { return longType }

// Open implements engine.Source.
func (d *Datagen) Open(_ context.Context, split engine.Split, position any, at engine.SourceContext) (engine.SplitReader, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	all := d.strided()
	c, err := all.open(split, position)
	if err != nil {
		return nil, fmt.Errorf("datagen: %w", err)
	}
	r := &datagenReader{counting: counting{c, newPacer(d.Rate, split.Index, all.splits, at.Clock)}, source: d}
	for i, column := range d.Columns {
		r.fill = append(r.fill, column.Generator.start())
		r.seeds = append(r.seeds, mix(d.Seed+uint64(i+1)*golden))
	}
	return r, nil
}

type datagenReader struct {
	counting
	source *Datagen
	fill   []filler
	seeds  []uint64
}

// Read implements engine.SplitReader.
func (r *datagenReader) Read(b *engine.Batch, n int) error {
	first, count, err := r.take(n)
	if err != nil {
		return err
	}
	for i := range b.Vectors {
		v := &b.Vectors[i]
		v.Nulls = nil
		r.fill[i](v, r.seeds[i], first, r.cursor.step, count)
		if share := r.source.Columns[i].Nulls; share > 0 {
			v.Nulls = make([]bool, count)
			nullSome(v, mix(r.seeds[i]), first, r.cursor.step, share)
		}
	}
	b.N += count
	return nil
}

// nullSome makes a share of the values null. Their slots hold zero values.
func nullSome(v *engine.Vector, seed uint64, first, step int64, share float64) {
	for i := range v.Nulls {
		if unit(random(seed, first+int64(i)*step)) >= share {
			continue
		}
		v.Nulls[i] = true
		switch {
		case v.Bools != nil:
			v.Bools[i] = false
		case v.Longs != nil:
			v.Longs[i] = 0
		case v.Doubles != nil:
			v.Doubles[i] = 0
		case v.Strings != nil:
			v.Strings[i] = ""
		}
	}
}

// golden is 2^64 by the golden ratio, odd: its multiples are spread evenly.
const golden = 0x9e3779b97f4a7c15

// mix is the finalizer of SplitMix64: each bit of the result depends on each of x.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// random is a number of 64 bits that depends on the seed and i alone.
func random(seed uint64, i int64) uint64 { return mix(seed + uint64(i)*golden) }

// unit is a number from 0 to below 1.
func unit(x uint64) float64 { return float64(x>>11) * 0x1p-53 }
