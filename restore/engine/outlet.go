package engine

// outlet is where the records of one node go, in one sub-task.
type outlet struct {
	schema *Schema
	next   []receiver
}

// emit passes a batch to all readers. Each owns what it gets.
func (o *outlet) emit(b *Batch) error {
	if err := b.check(o.schema); err != nil {
		return err
	}
	b.dropKeys()
	last := len(o.next) - 1
	if last < 0 {
		b.Release()
		return nil
	}
	for _, r := range o.next[:last] {
		if err := r.batch(b.Clone()); err != nil {
			return err
		}
	}
	return o.next[last].batch(b)
}

func (o *outlet) event(e element) error {
	for _, r := range o.next {
		if err := r.event(e); err != nil {
			return err
		}
	}
	return nil
}
