// Package cluster asks a running Flink cluster what it knows of its jobs, through
// the REST API of its JobManager.
//
// It reads only, and it believes nothing that it was not told: what does not answer,
// answers with something else than Flink's JSON, or leaves out what Flink always says
// is an error. That a job is not in an answer proves nothing about the job.
//
// What a JobManager says of checkpoints may be some seconds old, as it keeps answers
// for as long as web.refresh-interval (3 s). Its history is short and begins with its
// own start: what is in it is in use, what is not may be in use all the same.
package cluster

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Client asks one JobManager.
type Client struct {
	base    *url.URL // without user and password
	user    *url.Userinfo
	http    *http.Client
	options Options
}

// Options say how to ask. The zero value is good for most clusters.
type Options struct {
	// HTTP sends the requests. Its CheckRedirect is not asked. nil is a client of its own.
	HTTP      *http.Client
	Timeout   time.Duration // of one request; 0 is 10 s
	Patience  time.Duration // for how long a broken connection is tried again; 0 is 5 s
	Headers   http.Header   // go with each request, and into no message
	UserAgent string        // "" is ckpt
}

// Job is what a cluster says of one job.
type Job struct {
	ID     layout.JobID
	Name   string
	Status string // the last that was heard: RUNNING, FINISHED, SUSPENDED …
	// Live is whether any answer gave it a status other than FINISHED, CANCELED and
	// FAILED. A SUSPENDED job is live: another JobManager may take it up again.
	Live bool

	// Checkpointing is false where Flink says that there is none, or that there is no
	// interval, and none has been triggered or restored either. It is true in doubt.
	Checkpointing bool
	InProgress    int  // checkpoints and savepoints that are being made
	Completed     bool // any has been completed, by the counts or by latest

	// Paths are of directories, as Flink prints them: URLs, without /_metadata.
	Latest   []string // the last completed checkpoint, and the last savepoint
	Restored []string // what the job was restored from
	Retained []string // what the history says is completed and not discarded

	// History is when the checkpoints were completed that the JobManager remembers, by their
	// ids; no savepoints.
	History map[int64]time.Time

	// RestoredUnknown is that the job was restored from something that has no path.
	RestoredUnknown bool

	Mode     string        // exactly_once or at_least_once, "" where it was not told
	Timeout  time.Duration // of a checkpoint; 0 where it was not told
	Interval time.Duration // 0 where checkpoints are not periodic, or it was not told
	// Changelog is that the state backend writes a changelog.
	Changelog bool
	// Materialization is the time between two materialisations of a changelog. Flink from
	// 1.16 on tells it of each job, with a changelog or without. 0 is that there are none, or
	// that it was not told.
	Materialization time.Duration
}

// The defaults of Options.
const (
	defaultTimeout  = 10 * time.Second
	defaultPatience = 5 * time.Second
	defaultAgent    = "ckpt"
)

// New makes a client for the address of a JobManager, such as http://localhost:8081.
// User and password in it go as basic authentication with each request, and into no message.
func New(address string, opts Options) (*Client, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, badAddress("it cannot be read") // the cause would print a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, badAddress("it is none of a REST API")
	}
	c := &Client{user: u.User, options: opts}
	u.User = nil
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	c.base = u
	c.options.Timeout = orElse(opts.Timeout, defaultTimeout)
	c.options.Patience = orElse(opts.Patience, defaultPatience)
	c.options.UserAgent = orElse(opts.UserAgent, defaultAgent)
	client := http.Client{}
	if opts.HTTP != nil {
		client = *opts.HTTP
	}
	client.CheckRedirect = sameHost
	c.http = &client
	return c, nil
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// URL is the address without user and password.
func (c *Client) URL() string { return c.base.String() }

// Jobs tells of all jobs that the cluster knows. It asks for the list twice, with the
// details in between: a job that is in either is in the result, and live if it was
// live in either.
func (c *Client) Jobs(ctx context.Context) ([]Job, error) {
	if err := c.greet(ctx); err != nil {
		return nil, err
	}
	heard := newCensus()
	for range 2 {
		list, err := c.list(ctx)
		if err != nil {
			return nil, err
		}
		if err := c.details(ctx, heard.take(list)); err != nil {
			return nil, err
		}
	}
	return heard.jobs()
}
