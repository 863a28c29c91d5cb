package backends

import "errors"

// ErrStop is what the functions of a reader give when whoever iterates wants no more.
var ErrStop = errors.New("the iteration is ended")

// Pass tells whether a reader goes on behind err, which it yields: it does behind an *Error, unless nothing more is wanted.
// The error is then Passed, of the key group, and of the state st unless it names one; st may be nil.
func Pass(yield func(Entry, error) bool, err error, st *State, keyGroup int32) bool {
	switch err {
	case nil:
		return true
	case ErrStop:
		return false
	}
	var wrong *Error
	if errors.As(err, &wrong) {
		return yield(Entry{}, wrong.passed(st, keyGroup))
	}
	yield(Entry{}, err)
	return false
}

// passed says where e is, and that it is passed.
func (e *Error) passed(st *State, keyGroup int32) *Error {
	e.KeyGroup, e.Passed = keyGroup, true
	if st != nil && e.State == "" {
		e.State = st.Name
	}
	return e
}
