package cmd

import (
	"strconv"
	"strings"
)

// metrics are gauges in the order in which they were first given. A nil *metrics takes
// them and keeps none, so that commands need not ask whether anybody wants them.
type metrics struct {
	families []*family
	byName   map[string]*family
}

// family is all gauges of one name.
type family struct {
	name, help string
	samples    []sample
	byLabels   map[string]int // in samples
}

type sample struct {
	labels string // in braces, or ""
	value  float64
}

func newMetrics() *metrics { return &metrics{byName: map[string]*family{}} }

// gauge sets a gauge. The labels are names and values in turn. What has been set before is
// replaced, as Prometheus refuses a file in which something occurs twice.
func (m *metrics) gauge(name, help string, value float64, labels ...string) {
	if m == nil {
		return
	}
	f := m.byName[name]
	if f == nil {
		f = &family{name: name, help: help, byLabels: map[string]int{}}
		m.byName[name] = f
		m.families = append(m.families, f)
	}
	s := sample{formatLabels(labels), value}
	if i, ok := f.byLabels[s.labels]; ok {
		f.samples[i] = s
		return
	}
	f.byLabels[s.labels] = len(f.samples)
	f.samples = append(f.samples, s)
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func formatLabels(labels []string) string {
	var b strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(labels[i] + `="` + labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if b.Len() == 0 {
		return ""
	}
	return "{" + b.String() + "}"
}

// text is the metrics in Prometheus' text exposition format, version 0.0.4.
func (m *metrics) text() string {
	var b strings.Builder
	for _, f := range m.families {
		b.WriteString("# HELP " + f.name + " " + helpEscapes.Replace(f.help) + "\n")
		b.WriteString("# TYPE " + f.name + " gauge\n")
		for _, s := range f.samples {
			b.WriteString(f.name + s.labels + " " + strconv.FormatFloat(s.value, 'f', -1, 64) + "\n")
		}
	}
	return b.String()
}
