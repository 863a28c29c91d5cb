package engine

// valve combines the watermarks of several inputs: the least of those that are active and have caught up. One that is idle holds
// nobody up; one that is active again counts once its watermark is not behind what was given out (Flink: StatusWatermarkValve).
type valve struct {
	inputs []valveInput
	out    int64
	idle   bool
}

type valveInput struct {
	watermark int64
	idle      bool
}

func newValve(inputs int) *valve {
	v := &valve{inputs: make([]valveInput, inputs), out: NoTime}
	for i := range v.inputs {
		v.inputs[i].watermark = NoTime
	}
	return v
}

// watermark tells of one of an input. risen is whether that of all rises by it.
func (v *valve) watermark(input int, ts int64) (risen bool) {
	in := &v.inputs[input]
	if in.idle || ts <= in.watermark {
		return false
	}
	in.watermark = ts
	return v.least()
}

// status tells that an input is idle, or active again.
func (v *valve) status(input int, idle bool) (risen, changed bool) {
	in := &v.inputs[input]
	if in.idle == idle {
		return false, false
	}
	last := in.watermark == v.out
	in.idle = idle
	all := true
	for i := range v.inputs {
		all = all && v.inputs[i].idle
	}
	switch {
	case all && last:
		risen = v.highest()
	case idle && !all:
		risen = v.least()
	}
	changed = all != v.idle
	v.idle = all
	return risen, changed
}

// least raises out to the least watermark of those that count.
func (v *valve) least() bool {
	least, any := int64(MaxWatermark), false
	for i := range v.inputs {
		if in := &v.inputs[i]; !in.idle && in.watermark >= v.out {
			least, any = min(least, in.watermark), true
		}
	}
	if !any || least <= v.out {
		return false
	}
	v.out = least
	return true
}

// highest raises out to the highest watermark of all: nobody holds it up any more.
func (v *valve) highest() bool {
	top := v.out
	for i := range v.inputs {
		top = max(top, v.inputs[i].watermark)
	}
	risen := top > v.out
	v.out = top
	return risen
}
