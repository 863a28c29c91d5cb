package storage

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// maxDatanodes is how many datanodes one read asks in vain.
const maxDatanodes = 3

// webHDFS is HDFS by its REST interface, which namenodes and HttpFS gateways have.
type webHDFS struct {
	settings Settings
	client   *http.Client
	direct   *http.Client // follows no redirects
	auth     *hdfsAuth
	bases    []string      // "http://host:port" of each namenode
	active   atomic.Uint32 // which of them answered last
	clock    clock
	unpaged  atomic.Bool // a Hadoop before 2.9, which does not know LISTSTATUS_BATCH
}

func newWebHDFS(s Settings, conf *hadoopConf, place layout.Place) (hdfsPeer, error) {
	bases := conf.webAddresses(place)
	auth, err := newHDFSAuth(s, conf, place, bases)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil) // hadoop.auth saves a Kerberos exchange for each request
	if err != nil {
		return nil, err
	}
	s.log().Debug("webhdfs", "place", place.String(), "addresses", bases)
	client := s.client()
	client.Jar = jar
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &webHDFS{settings: s, bases: bases, auth: auth, client: client, direct: &direct}, nil
}

func (w *webHDFS) close() error {
	w.client.CloseIdleConnections()
	w.auth.close()
	return nil
}

func (w *webHDFS) stat(ctx context.Context, path string) (o layout.Object, err error) {
	err = w.call(ctx, &webRequest{op: "GETFILESTATUS", path: path}, func(body io.ReadCloser) error {
		defer body.Close()
		o, err = decodeStatus(body)
		return err
	})
	return o, err
}

func (w *webHDFS) list(ctx context.Context, path string, page func([]layout.Object) bool) error {
	for after := ""; !w.unpaged.Load(); {
		p, err := w.listing(ctx, &webRequest{op: "LISTSTATUS_BATCH", path: path, startAfter: after})
		if unknownOp(err) {
			w.unpaged.Store(true)
			break
		}
		if err != nil || len(p.objects) == 0 {
			return err
		}
		after = p.objects[len(p.objects)-1].Key
		if !page(p.objects) || p.remaining == 0 {
			return nil
		}
	}
	p, err := w.listing(ctx, &webRequest{op: "LISTSTATUS", path: path})
	if err == nil {
		page(p.objects)
	}
	return err
}

func (w *webHDFS) listing(ctx context.Context, q *webRequest) (p webPage, err error) {
	err = w.call(ctx, q, func(body io.ReadCloser) error {
		defer body.Close()
		p, err = decodeListing(body)
		return err
	})
	return p, err
}

func (w *webHDFS) open(ctx context.Context, path string, offset, length int64) (r io.ReadCloser, err error) {
	q := &webRequest{op: "OPEN", path: path, offset: offset, length: length}
	err = w.call(ctx, q, func(body io.ReadCloser) error {
		r = body
		return nil
	})
	return r, err
}

// webRequest is what is asked of a namenode.
type webRequest struct {
	op, path       string
	method         string // GET where it is ""
	params         url.Values
	located        *string // where to put the address that the answer leads to
	startAfter     string
	offset, length int64
	excluded       []string // datanodes that could not be reached
	datanode       error    // why the last of them could not
}

// url is the request at one namenode. Each byte that could mean something is escaped:
// servers differ in what they make of "+" and ";".
func (q *webRequest) url(base string, auth url.Values) string {
	params := url.Values{"op": {q.op}}
	maps.Copy(params, auth)
	maps.Copy(params, q.params)
	if q.startAfter != "" {
		params.Set("startAfter", q.startAfter)
	}
	if q.op == "OPEN" {
		params.Set("offset", strconv.FormatInt(q.offset, 10))
		params.Set("length", strconv.FormatInt(q.length, 10))
	}
	if len(q.excluded) > 0 {
		params.Set("excludedatanodes", strings.Join(q.excluded, ","))
	}
	path := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(q.path))
	return base + "/webhdfs/v1" + path + "?" + params.Encode()
}

// call asks until there is an answer, and patience is no longer of use. Use takes the
// body and is a part of the try, so that an answer that breaks off is asked for again.
func (w *webHDFS) call(ctx context.Context, q *webRequest, use func(io.ReadCloser) error) error {
	retry := newHDFSRetry(w.settings)
	for {
		err := w.round(ctx, q, use)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if judge(err) != tryAgain {
			return err
		}
		if err := retry.wait(ctx, err); err != nil {
			return err
		}
	}
}

// round asks each namenode once, the one that answered last before the others: all
// but one are standby. Where none answers, the error to show is one that time may mend.
func (w *webHDFS) round(ctx context.Context, q *webRequest, use func(io.ReadCloser) error) (err error) {
	start := int(w.active.Load())
	for i := range w.bases {
		at := (start + i) % len(w.bases)
		e := w.once(ctx, w.bases[at], q, use)
		verdict := judge(e)
		if verdict == final {
			w.active.Store(uint32(at))
			return e
		}
		if err == nil || verdict == tryAgain && judge(err) != tryAgain {
			err = e
		}
	}
	if judge(err) == tryElsewhere {
		err = noNamenode(w.bases, err)
	}
	return err
}

// once asks one namenode.
func (w *webHDFS) once(ctx context.Context, base string, q *webRequest, use func(io.ReadCloser) error) error {
	ctx, cancel := context.WithCancel(ctx)
	client := w.client
	if q.located != nil {
		client = w.direct
	}
	sent := time.Now()
	resp, err := w.auth.send(ctx, client, cmp.Or(q.method, http.MethodGet), func(auth url.Values) string { return q.url(base, auth) })
	if err != nil {
		cancel()
		return q.lost(base, err)
	}
	w.clock.hear(resp, sent)
	body := newStallGuard(resp.Body, cancel)
	switch {
	case q.located != nil && resp.StatusCode == http.StatusTemporaryRedirect:
		*q.located = resp.Header.Get("Location")
		return use(body)
	case q.located == nil && resp.StatusCode == http.StatusOK:
		return use(body)
	}
	defer body.Close()
	if err = remoteFault(resp, body); q.datanode != nil && judge(err) == final {
		err = &judged{q.datanode, final} // there is no other that has the block
	}
	return err
}

// lost takes the URL from an error, as it may hold a token, and tells a datanode that
// cannot be reached from a namenode: others may have the block.
func (q *webRequest) lost(base string, err error) error {
	var failed *url.Error
	if !errors.As(err, &failed) {
		return err
	}
	at, parseErr := url.Parse(failed.URL)
	if parseErr != nil || judge(failed.Err) != tryElsewhere || base == at.Scheme+"://"+at.Host {
		return failed.Err
	}
	q.excluded = append(q.excluded, at.Host)
	q.datanode = hinted(datanodeHint, "the datanode %s: %w", at.Host, failed.Err)
	if len(q.excluded) >= maxDatanodes {
		return &judged{q.datanode, final}
	}
	return &judged{q.datanode, tryAgain}
}

// stallGuard is a body that fails when nothing comes for long.
type stallGuard struct {
	io.ReadCloser
	cancel  context.CancelFunc
	timer   *time.Timer
	stalled atomic.Bool
}

func newStallGuard(body io.ReadCloser, cancel context.CancelFunc) *stallGuard {
	g := &stallGuard{ReadCloser: body, cancel: cancel}
	g.timer = time.AfterFunc(silence, func() {
		g.stalled.Store(true)
		cancel()
	})
	g.timer.Stop() // only reading counts
	return g
}

// Read implements io.Reader.
func (g *stallGuard) Read(p []byte) (int, error) {
	g.timer.Reset(silence)
	n, err := g.ReadCloser.Read(p)
	g.timer.Stop()
	if err != nil && g.stalled.Load() {
		err = errStalled
	}
	return n, err
}

// Close implements io.Closer.
func (g *stallGuard) Close() error {
	defer g.cancel()
	return g.ReadCloser.Close()
}
