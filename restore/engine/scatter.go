package engine

// hash sends each record to the sub-task that its key group belongs to, with the key.
func (w *writer) hash(b *Batch) error {
	if err := w.keyer.compute(b); err != nil {
		return err
	}
	w.to = fit(w.to, b.N)
	for i, kg := range w.keyer.groups {
		w.to[i] = w.owner[kg]
	}
	for from := 0; from < b.N; from += w.size {
		if err := w.scatter(b, from, min(from+w.size, b.N)); err != nil {
			return err
		}
	}
	b.Release()
	return nil
}

// scatter deals out records from up to to, column by column.
func (w *writer) scatter(b *Batch, from, to int) error {
	clear(w.counts)
	for _, t := range w.to[from:to] {
		w.counts[t]++
	}
	for t, n := range w.counts {
		if n > 0 {
			if err := w.room(t, int(n)); err != nil {
				return err
			}
		}
	}
	for c := range b.Vectors {
		w.column(b, c, from, to)
	}
	w.times(b, from, to)
	w.keys(from, to)
	for t, n := range w.counts {
		if n == 0 {
			continue
		}
		p := w.targets[t].pending
		if p.N += int(n); p.N == w.size {
			if err := w.send(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// column deals out the values of one column. The vectors of the targets are brought together first, so that the loop over
// records does nothing but append.
func (w *writer) column(b *Batch, c, from, to int) {
	src, where := &b.Vectors[c], w.to[from:to]
	for t := range w.targets {
		if p := w.targets[t].pending; p != nil {
			w.vectors[t] = p.Vectors[c]
		}
	}
	switch b.Schema.Columns[c].Kind {
	case Boolean:
		for i, x := range src.Bools[from:to] {
			v := &w.vectors[where[i]]
			v.Bools = append(v.Bools, x)
		}
	case Long, Timestamp:
		for i, x := range src.Longs[from:to] {
			v := &w.vectors[where[i]]
			v.Longs = append(v.Longs, x)
		}
	case Double:
		for i, x := range src.Doubles[from:to] {
			v := &w.vectors[where[i]]
			v.Doubles = append(v.Doubles, x)
		}
	default:
		for i, x := range src.Strings[from:to] {
			v := &w.vectors[where[i]]
			v.Strings = append(v.Strings, x)
		}
	}
	w.nulls(src, from, to)
	for t := range w.targets {
		if p := w.targets[t].pending; p != nil {
			p.Vectors[c] = w.vectors[t]
		}
	}
}

// nulls deals out the marks of nulls; a target that has some gets one for each record from then on.
func (w *writer) nulls(src *Vector, from, to int) {
	for t, n := range w.counts {
		if n == 0 {
			continue
		}
		v := &w.vectors[t]
		if src.Nulls == nil {
			if v.Nulls != nil {
				v.Nulls = append(v.Nulls, make([]bool, n)...)
			}
		} else if v.Nulls == nil {
			v.Nulls = make([]bool, w.targets[t].pending.N, w.size)
		}
	}
	if src.Nulls == nil {
		return
	}
	for i, x := range src.Nulls[from:to] {
		v := &w.vectors[w.to[from+i]]
		v.Nulls = append(v.Nulls, x)
	}
}

// times deals out the event times.
func (w *writer) times(b *Batch, from, to int) {
	if b.Times == nil {
		for t, n := range w.counts {
			if n > 0 && w.targets[t].pending.Times != nil {
				p := w.targets[t].pending
				p.Times = appendNoTimes(p.Times, int(n))
			}
		}
		return
	}
	for t, n := range w.counts {
		if n > 0 {
			w.targets[t].pending.timed(w.size)
		}
	}
	for i, ts := range b.Times[from:to] {
		p := w.targets[w.to[from+i]].pending
		p.Times = append(p.Times, ts)
	}
}

// keys deals out the encoded keys and the key groups.
func (w *writer) keys(from, to int) {
	k := w.keyer
	begin := int32(0)
	if from > 0 {
		begin = k.ends[from-1]
	}
	for i := from; i < to; i++ {
		p := w.targets[w.to[i]].pending
		p.Keys = append(p.Keys, k.keys[begin:k.ends[i]]...)
		begin = k.ends[i]
		p.KeyEnds = append(p.KeyEnds, int32(len(p.Keys)))
		p.KeyGroups = append(p.KeyGroups, k.groups[i])
	}
}
