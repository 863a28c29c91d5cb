package cmd

import (
	"errors"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/spf13/pflag"
)

// storageOptions are the global flags that say how storage is reached.
type storageOptions struct {
	concurrency int
	conf        string
	keys        keyValues
}

// mostConcurrent keeps a slip of the finger from opening a million connections.
const mostConcurrent = 1024

func (o *storageOptions) addFlags(f *pflag.FlagSet) {
	f.IntVar(&o.concurrency, "concurrency", 16, "listing requests under way, at most `N`")
	f.StringVar(&o.conf, "flink-conf", "", "`DIR|FILE` of Flink's configuration, for s3.endpoint …")
	f.VarP(&o.keys, "define", "D", "a key of Flink's configuration (repeatable)")
}

// settle makes the environment open stores as the flags say.
func (o *storageOptions) settle(env *Env) error {
	if o.concurrency < 1 || o.concurrency > mostConcurrent {
		return usagef("at 1, a bucket is listed page by page", "--concurrency: want 1 to %d", mostConcurrent)
	}
	conf, err := o.load(env)
	if err != nil {
		return err
	}
	env.Concurrency = o.concurrency
	settings := storage.Settings{Concurrency: o.concurrency, LookupEnv: env.LookupEnv, Log: env.Log}
	if conf != nil {
		settings.Flink, env.Flink = conf.Lookup, conf.Lookup
		env.FlinkConf, env.defined = conf, o.keys
	}
	if env.Storage != nil {
		env.OpenStore = env.Storage(settings)
	}
	if env.Mutable != nil {
		env.OpenMutable = env.Mutable(settings)
	}
	return nil
}

// load reads Flink's configuration, nil where none was named.
func (o *storageOptions) load(env *Env) (*flinkconf.Config, error) {
	if o.conf == "" && len(o.keys) == 0 {
		return nil, nil
	}
	conf := &flinkconf.Config{}
	if o.conf != "" {
		var err error
		if conf, err = flinkconf.Load(o.conf); err != nil {
			return nil, err
		}
	}
	for _, kv := range o.keys {
		conf.Set(kv.key, kv.value)
	}
	for _, w := range conf.Warnings() {
		env.Log.Warn(w)
	}
	return conf, nil
}

// keyValues is the value of -D.
type keyValues []keyValue

type keyValue struct{ key, value string }

// String implements pflag.Value. Values may be secrets.
func (k *keyValues) String() string {
	var keys []string
	for _, kv := range *k {
		keys = append(keys, kv.key)
	}
	return strings.Join(keys, " ")
}

// Type implements pflag.Value.
func (k *keyValues) Type() string { return "KEY=VALUE" }

// Set implements pflag.Value.
func (k *keyValues) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return errors.New("want KEY=VALUE")
	}
	*k = append(*k, keyValue{key, value})
	return nil
}

// Append implements pflag.SliceValue.
func (k *keyValues) Append(s string) error { return k.Set(s) }

// Replace implements pflag.SliceValue.
func (k *keyValues) Replace(all []string) error {
	*k = nil
	for _, s := range all {
		if err := k.Set(s); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (k *keyValues) GetSlice() []string {
	var all []string
	for _, kv := range *k {
		all = append(all, kv.key)
	}
	return all
}
