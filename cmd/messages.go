package cmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// errorReport is how an error looks with -o json.
type errorReport struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Guard   string `json:"guard,omitempty"` // of prune, that stops everything
	Path    string `json:"path,omitempty"`
	Offset  *int64 `json:"offset,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// complain writes an error to Err in the form that was asked for.
func (e *Env) complain(r errorReport) {
	switch {
	case e.Output == JSON:
		b, err := marshal(map[string]errorReport{"error": r}, "")
		if err == nil {
			_, _ = e.Err.Write(b)
		}
	case e.jsonLog:
		e.Log.LogAttrs(context.Background(), slog.LevelError, r.Message, r.attrs()...)
	default:
		fmt.Fprintf(e.Err, "%s %s\n", e.paintErr(red, "ckpt:"), escapeLines(r.Message))
		if r.Hint != "" {
			fmt.Fprintf(e.Err, "%s %s\n", e.paintErr(cyan, "hint:"), escapeLines(r.Hint))
		}
	}
}

func (r errorReport) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.Int("code", int(r.Code))}
	if r.Guard != "" {
		attrs = append(attrs, slog.String("guard", r.Guard))
	}
	if r.Path != "" {
		attrs = append(attrs, slog.String("path", r.Path))
	}
	if r.Offset != nil {
		attrs = append(attrs, slog.Int64("offset", *r.Offset))
	}
	if r.Hint != "" {
		attrs = append(attrs, slog.String("hint", r.Hint))
	}
	return attrs
}

// newLogger makes the logger for messages to people and to log collectors.
func newLogger(w io.Writer, asJSON bool, level slog.Level) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(&plainHandler{w: w, level: level, mu: new(sync.Mutex)})
}

// plainHandler writes a record as a line for people: no time, no level where it
// is only information.
type plainHandler struct {
	w      io.Writer
	level  slog.Level
	prefix string // of attribute names: the open groups
	attrs  string // written already
	mu     *sync.Mutex
}

// Enabled implements slog.Handler.
func (h *plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("ckpt: ")
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	}
	b.WriteString(escape(r.Message))
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		h.format(&b, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

func (h *plainHandler) format(b *strings.Builder, a slog.Attr) {
	v := escape(a.Value.Resolve().String())
	if strings.ContainsAny(v, " =\"") {
		v = fmt.Sprintf("%q", v)
	}
	fmt.Fprintf(b, " %s%s=%s", h.prefix, a.Key, v)
}

// WithAttrs implements slog.Handler.
func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		h.format(&b, a)
	}
	with := *h
	with.attrs += b.String()
	return &with
}

// WithGroup implements slog.Handler.
func (h *plainHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.prefix += name + "."
	return &with
}
