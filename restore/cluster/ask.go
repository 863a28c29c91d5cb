package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// maxAnswer is more than any cluster says: some 100,000 jobs.
const maxAnswer = 64 << 20

// pause is between two tries.
const pause = 250 * time.Millisecond

// answer is what came, of any status.
type answer struct {
	status int
	body   []byte
}

// message is what Flink puts into an answer of an error, its first line, or "".
func (a answer) message() string {
	var said struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(a.body, &said) != nil {
		return ""
	}
	for _, line := range said.Errors {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "\n")
		if line = printable(line); line != "" {
			return line
		}
	}
	return ""
}

// printable shortens what somebody else has written, and takes out what a terminal obeys.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// ask sends a request until something comes, or patience ends.
func (c *Client) ask(ctx context.Context, path string) (answer, error) {
	end := time.Now().Add(c.options.Patience)
	for {
		a, err := c.once(ctx, path)
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		if err != nil && !broken(err) {
			return answer{}, c.unreachable(path, err)
		}
		if err == nil && !busy(a.status) {
			return a, nil
		}
		if time.Now().Add(pause).After(end) {
			if err != nil {
				return answer{}, c.unreachable(path, err)
			}
			return a, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return answer{}, ctx.Err()
		}
	}
}

// once sends one request and reads all of its answer.
func (c *Client) once(ctx context.Context, path string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path, nil)
	if err != nil {
		return answer{}, err
	}
	for name, values := range c.options.Headers {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", c.options.UserAgent)
	if c.user != nil {
		password, _ := c.user.Password()
		r.SetBasicAuth(c.user.Username(), password)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is too long for Flink's")
	}
	return answer{response.StatusCode, body}, err
}

// broken is whether a connection ended under way, as it does when a proxy or a
// JobManager restarts. One that was refused is none: nobody is there.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// busy is whether a status passes by itself: Flink's while it elects a leader, and
// those of proxies before it.
func busy(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusBadGateway || status == http.StatusTooManyRequests
}

// sameHost follows a redirect only to where it came from, or from http to https there:
// the request carries a password.
func sameHost(next *http.Request, via []*http.Request) error {
	from, to := via[0].URL, next.URL
	upgrade := from.Scheme == "http" && to.Scheme == "https"
	same := strings.EqualFold(from.Hostname(), to.Hostname()) && (upgrade || from.Scheme == to.Scheme && port(from) == port(to))
	if !same || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// decode reads the one JSON document that a body is.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the document")
	}
	return nil
}

// get asks for a document that Flink always has.
func (c *Client) get(ctx context.Context, path string, into any) error {
	a, err := c.ask(ctx, path)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return c.refusal(path, a)
	}
	return c.read(path, a, into)
}

func (c *Client) read(path string, a answer, into any) error {
	err := decode(a.body, into)
	if err == nil {
		return nil
	}
	e := c.errorf(path, hintFlink, "the answer is not Flink's JSON: %v", err)
	if strings.HasPrefix(strings.TrimSpace(string(a.body[:min(len(a.body), 100)])), "<") {
		e.Message = "the answer is a page, not Flink's JSON"
	}
	e.Err = err
	return e
}
