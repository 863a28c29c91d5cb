package types

import (
	"github.com/ckpt-tool/ckpt/backends"
)

// Opaque is the type of values whose layout is not known. All that can be told of one is that
// it is there: it ends where what holds it ends.
type Opaque struct {
	class string
	text  string
	Source
}

// NewOpaque makes the type of a class; hint says what to do about it, if that is known.
func NewOpaque(class, hint string) *Opaque { return &Opaque{class: class, text: hint} }

// broken stands where a snapshot could not be read. It is never handed out.
var broken = NewOpaque("", "")

// String implements backends.Type.
func (o *Opaque) String() string { return "Opaque(" + o.class + ")" }

// Class implements backends.Type.
func (o *Opaque) Class() string { return o.class }

// Width implements backends.Type.
func (o *Opaque) Width() int { return -1 }

func (o *Opaque) unknown() error {
	hint := o.text
	if hint == "" {
		hint = hintFor(o.class)
	}
	return &backends.OpaqueError{Class: o.class, Hint: hint}
}

// Size implements backends.Type.
func (o *Opaque) Size([]byte) (int, error) { return 0, o.unknown() }

// AppendJSON implements backends.Type.
func (o *Opaque) AppendJSON(dst, _ []byte) ([]byte, int, error) { return dst, 0, o.unknown() }

// Decode implements backends.Type.
func (o *Opaque) Decode([]byte) (any, int, error) { return nil, 0, o.unknown() }

// Encode implements backends.Type.
func (o *Opaque) Encode(dst []byte, _ any) ([]byte, error) { return dst, o.unknown() }

// FromJSON implements backends.Type.
func (o *Opaque) FromJSON([]byte) (any, error) { return nil, o.unknown() }

// Hash implements backends.Type.
func (o *Opaque) Hash(any) (int32, bool) { return 0, false }

// hintFor says how to make a class known.
func hintFor(class string) string {
	return "give the layout of its values by hand: --type " + simpleName(class) + "=SPEC"
}
