package engine

// Vector is the values of one column. Which of the slices has them is by the column's Kind. Nulls is nil where no value
// is null; where one is, the slot holds the zero value.
type Vector struct {
	Bools   []bool
	Longs   []int64 // of Long and Timestamp
	Doubles []float64
	Strings []string // of String and Bytes
	Nulls   []bool
}

func (v *Vector) grow(k Kind, n int) {
	switch k {
	case Boolean:
		v.Bools = make([]bool, 0, n)
	case Long, Timestamp:
		v.Longs = make([]int64, 0, n)
	case Double:
		v.Doubles = make([]float64, 0, n)
	default:
		v.Strings = make([]string, 0, n)
	}
}

// Null tells whether value i is null.
func (v *Vector) Null(i int) bool { return v.Nulls != nil && v.Nulls[i] }

// AppendBoolean appends a value to a column of BOOLEAN.
func (v *Vector) AppendBoolean(x bool) {
	v.Bools = append(v.Bools, x)
	v.present()
}

// AppendLong appends a value to a column of BIGINT or TIMESTAMP.
func (v *Vector) AppendLong(x int64) {
	v.Longs = append(v.Longs, x)
	v.present()
}

// AppendDouble appends a value to a column of DOUBLE.
func (v *Vector) AppendDouble(x float64) {
	v.Doubles = append(v.Doubles, x)
	v.present()
}

// AppendString appends a value to a column of STRING or BYTES.
func (v *Vector) AppendString(x string) {
	v.Strings = append(v.Strings, x)
	v.present()
}

// present marks the value that was appended as one that is not null.
func (v *Vector) present() {
	if v.Nulls != nil {
		v.Nulls = append(v.Nulls, false)
	}
}

// nullRoom is how many values the first null of a column makes room for: a batch has seldom more.
const nullRoom = 512

// AppendNull appends a null to a column of kind k.
func (v *Vector) AppendNull(k Kind) {
	if v.Nulls == nil {
		n := v.len(k)
		v.Nulls = make([]bool, n, max(n+1, nullRoom))
	}
	v.Nulls = append(v.Nulls, true)
	switch k {
	case Boolean:
		v.Bools = append(v.Bools, false)
	case Long, Timestamp:
		v.Longs = append(v.Longs, 0)
	case Double:
		v.Doubles = append(v.Doubles, 0)
	default:
		v.Strings = append(v.Strings, "")
	}
}

// AppendFrom appends value i of another column of kind k.
func (v *Vector) AppendFrom(k Kind, from *Vector, i int) {
	if from.Null(i) {
		v.AppendNull(k)
		return
	}
	switch k {
	case Boolean:
		v.AppendBoolean(from.Bools[i])
	case Long, Timestamp:
		v.AppendLong(from.Longs[i])
	case Double:
		v.AppendDouble(from.Doubles[i])
	default:
		v.AppendString(from.Strings[i])
	}
}

// AppendAll appends all values of another column of kind k.
func (v *Vector) AppendAll(k Kind, from *Vector) {
	before, more := v.len(k), from.len(k)
	switch {
	case from.Nulls != nil:
		if v.Nulls == nil {
			v.Nulls = make([]bool, before, before+more)
		}
		v.Nulls = append(v.Nulls, from.Nulls...)
	case v.Nulls != nil:
		v.Nulls = append(v.Nulls, make([]bool, more)...)
	}
	switch k {
	case Boolean:
		v.Bools = append(v.Bools, from.Bools...)
	case Long, Timestamp:
		v.Longs = append(v.Longs, from.Longs...)
	case Double:
		v.Doubles = append(v.Doubles, from.Doubles...)
	default:
		v.Strings = append(v.Strings, from.Strings...)
	}
}
