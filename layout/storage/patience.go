package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// doer sends requests. It is what all the SDKs take.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// patience sends a request again while the store asks for patience, within a budget of
// time. The retries of the SDKs are off: each has other rules, and none has a budget.
type patience struct {
	next   doer
	budget time.Duration
	log    *slog.Logger
	clock  *clock // nil where no one asks for the time
}

const (
	firstWait = 100 * time.Millisecond
	longWait  = 10 * time.Second
	// dialBudget bounds tries to connect: an endpoint that is wrong must show soon.
	dialBudget = 2 * time.Second
	dialLimit  = 4 * time.Second
	// silence is how long a store may take to begin to answer, or to go on.
	silence = 30 * time.Second
)

// patient gives what sends requests through next with patience.
func (s Settings) patient(next doer) *patience {
	return &patience{next: next, budget: s.retryBudget(), log: s.log(), clock: s.clock}
}

// transport prepares t for many requests at a time to one host. Bytes come as they are
// stored.
func (s Settings) transport(t *http.Transport) {
	t.DialContext = (&net.Dialer{Timeout: dialLimit, KeepAlive: silence}).DialContext
	t.ResponseHeaderTimeout = silence
	t.MaxIdleConnsPerHost = max(s.concurrency(), 16)
	t.DisableCompression = true
	// One connection a request: what breaks one does not break all, and errors have types.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
}

// client is an HTTP client of the kind that transport prepares.
func (s Settings) client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	s.transport(t)
	return &http.Client{Transport: t}
}

// wholeAnswer marks requests whose answers are read at once, so that one that breaks
// off is asked for again.
type wholeAnswer struct{}

func withWholeAnswer(ctx context.Context) context.Context {
	return context.WithValue(ctx, wholeAnswer{}, true)
}

// Do implements doer.
func (p *patience) Do(req *http.Request) (*http.Response, error) {
	begin := time.Now()
	if err := rewindable(req); err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		sent, body := time.Now(), watchBody(req)
		resp, err := p.send(req)
		p.clock.hear(resp, sent)
		if err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
			tellThrottle(req.Context())
		}
		wait, again := waitFor(resp, err, try)
		left := p.budget
		if isDial(err) {
			left = min(left, dialBudget)
		}
		if !again || req.Context().Err() != nil || time.Since(begin)+wait > left {
			return resp, err
		}
		p.log.Debug("trying again", "host", req.URL.Host, "path", req.URL.Path, "in", wait, "after", reason(resp, err))
		discard(resp)
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if err := body.await(req.Context()); err != nil {
			return nil, err
		}
		tellRepeat(req)
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// watchedBody knows when the transport has closed it. An answer may come while the body is
// still being sent, and Azure's SDK rewinds the very reader that sends it: what is sent
// again before that would not be whole (http.RoundTripper asks to wait for Close).
type watchedBody struct {
	io.ReadCloser
	once   sync.Once
	closed chan struct{}
}

// watchBody puts a watched body in the place of the request's own.
func watchBody(req *http.Request) *watchedBody {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	b := &watchedBody{ReadCloser: req.Body, closed: make(chan struct{})}
	req.Body = b
	return b
}

// Close implements io.Closer.
func (b *watchedBody) Close() error {
	defer b.once.Do(func() { close(b.closed) })
	return b.ReadCloser.Close()
}

// await waits until nobody reads the body any more.
func (b *watchedBody) await(ctx context.Context) error {
	if b == nil {
		return nil
	}
	select {
	case <-b.closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rewindable makes sure that what a request sends can be sent again. The bodies that SDKs
// do not know to rewind are short, or said by withBody.
func rewindable(req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody || req.GetBody != nil {
		return nil
	}
	data, ok := req.Context().Value(bodyData{}).([]byte)
	if !ok || int64(len(data)) != req.ContentLength {
		var err error
		if data, err = io.ReadAll(req.Body); err != nil {
			return err
		}
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	req.Body, _ = req.GetBody()
	return nil
}

// bodyData is the key of the bytes that a request sends.
type bodyData struct{}

func withBody(ctx context.Context, data []byte) context.Context {
	return context.WithValue(ctx, bodyData{}, data)
}

// repeats is the key of the note that a request for a change was sent more than once.
type repeats struct{}

func withRepeats(ctx context.Context) (context.Context, *atomic.Bool) {
	note := new(atomic.Bool)
	return context.WithValue(ctx, repeats{}, note), note
}

func tellRepeat(req *http.Request) {
	note, ok := req.Context().Value(repeats{}).(*atomic.Bool)
	if ok && req.Method != http.MethodGet && req.Method != http.MethodHead {
		note.Store(true)
	}
}

// send sends the request once.
func (p *patience) send(req *http.Request) (*http.Response, error) {
	resp, err := p.next.Do(req)
	if err != nil || req.Context().Value(wholeAnswer{}) == nil {
		return resp, err
	}
	data, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}

// waitFor tells whether to try again, and when.
func waitFor(resp *http.Response, err error, try int) (time.Duration, bool) {
	if err != nil {
		return backoff(try), isPassing(err)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return max(backoff(try), retryAfter(resp.Header)), true
	}
	return 0, false
}

// backoff doubles, with some chance so that many clients do not come at once.
func backoff(try int) time.Duration {
	wait := min(firstWait<<min(try, 16), longWait)
	return wait/2 + rand.N(wait/2)
}

// retryAfter is how long the store itself asks to wait.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.Atoi(h.Get("X-Ms-Retry-After-Ms")); err == nil {
		return time.Duration(ms) * time.Millisecond
	}
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return time.Until(at)
	}
	return 0
}

// isPassing tells what may go away by itself from what is wrong for good.
func isPassing(err error) bool {
	if errors.Is(err, context.Canceled) || isTLS(err) {
		return false
	}
	for _, lasting := range []error{syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	if dns := new(net.DNSError); errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	if op := new(net.OpError); errors.As(err, &op) {
		return true
	}
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

func isDial(err error) bool {
	op := new(net.OpError)
	return errors.As(err, &op) && op.Op == "dial"
}

func reason(resp *http.Response, err error) string {
	if err != nil {
		return bare(err).Error() // a URL may hold a signature
	}
	return resp.Status
}

// discard lets the connection be used again.
func discard(resp *http.Response) {
	if resp != nil {
		io.CopyN(io.Discard, resp.Body, 1<<16)
		resp.Body.Close()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
