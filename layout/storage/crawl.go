package storage

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// crawl lists all keys with a prefix. It begins page by page; as long as there are more
// pages, it cuts what is left into spans and lists several of them at a time.
//
// Spans are cut by keys, so that together they hold every key, whatever its name, and
// each only once; a wrong guess where to cut costs time and nothing else. Good places are
// found by listing the children of directories, which takes requests of its own. Those
// and first requests of spans are never more than the pages that have come, and each
// span has at most one page that a listing in one go would not have.
//
// That asks for a store that lists by the bytes of keys, and it must say so. Others are
// listed page by page.
type crawl struct {
	service
	query
	limit int

	spans   []*span // that have more
	waiting []*span // for their next request
	active  int
	pages   int // that have come
	extra   int // requests that a listing in one go would not have made
	ordered bool
	results chan result
	workers sync.WaitGroup
}

// sink takes what a crawl finds. It tells whether to go on.
type sink interface {
	take(i item) bool
	// fail tells that a directory could not be listed in full.
	fail(dir string, err error) bool
}

// result is a page of a span, or of the children of a directory on its way.
type result struct {
	span    *span
	query   query
	explore bool
	page    page
	err     error
}

func newCrawl(o service, q query, limit int) *crawl {
	if q.delimiter != "" {
		limit = 1 // children are few
	}
	first := &span{prefix: q.prefix}
	return &crawl{
		service: o, query: q, limit: limit, results: make(chan result, limit),
		spans: []*span{first}, waiting: []*span{first},
	}
}

// run tells whether the sink wants more at the end.
func (c *crawl) run(ctx context.Context, to sink) bool {
	requests, cancel := context.WithCancel(withWholeAnswer(ctx))
	defer c.workers.Wait()
	defer cancel()
	for {
		if err := ctx.Err(); err != nil {
			to.fail(c.prefix, err)
			return false
		}
		c.start(requests)
		if c.active == 0 {
			return true
		}
		select {
		case r := <-c.results:
			c.active--
			items, err := c.settle(r)
			c.start(requests) // while the sink is busy
			if !pour(ctx, items, to) || err != nil && !report(r.span, err, to) {
				return false
			}
		case <-ctx.Done():
		}
	}
}

// pour gives items to the sink.
func pour(ctx context.Context, items []item, to sink) bool {
	for _, i := range items {
		if ctx.Err() != nil {
			return true
		}
		if !to.take(i) {
			return false
		}
	}
	return true
}

// report tells the sink what is missing with the rest of a span.
func report(s *span, err error, to sink) bool {
	for _, dir := range s.doubtful() {
		if !to.fail(dir, err) {
			return false
		}
	}
	return true
}

// start sends requests as long as there are some to send and room for them.
func (c *crawl) start(ctx context.Context) {
	for c.active < c.limit {
		if len(c.waiting) > 0 {
			s := c.waiting[0]
			c.waiting = c.waiting[1:]
			c.send(ctx, result{span: s, query: query{prefix: s.prefix, delimiter: c.delimiter, after: s.from, token: s.token}})
		} else if !c.ordered || c.extra >= c.pages || !c.split() && !c.explore(ctx) {
			return
		}
	}
}

func (c *crawl) send(ctx context.Context, r result) {
	c.active++
	c.workers.Go(func() {
		r.page, r.err = c.list(ctx, r.query)
		if r.err == nil && r.page.next != "" && r.page.next == r.query.token {
			r.err = &problem{message: "the store gives the same page again and again"}
		}
		c.results <- r
	})
}

// worthSplitting is how many pages must be left, since the upper half may cost one more.
const worthSplitting = 8

// split cuts the span in two of which the most is left.
func (c *crawl) split() bool {
	var most *span
	for _, s := range c.spans {
		s.slice()
		if most == nil || s.widest().left() > most.widest().left() {
			most = s
		}
	}
	if most == nil || most.widest().left() < worthSplitting {
		return false
	}
	upper := most.split()
	c.spans, c.waiting = append(c.spans, upper), append(c.waiting, upper)
	c.extra++
	return true
}

// explore asks for the children of a directory, where to cut a span.
func (c *crawl) explore(ctx context.Context) bool {
	for _, s := range c.spans {
		if q, ok := s.unexplored(); ok {
			s.exploring = true
			c.extra++
			c.send(ctx, result{span: s, query: q, explore: true})
			return true
		}
	}
	return false
}

// settle takes a result in, and gives the items that it brings.
func (c *crawl) settle(r result) ([]item, error) {
	s := r.span
	if r.explore {
		c.learn(r)
		return nil, nil
	}
	var items []item
	err := r.err
	if err == nil {
		items, err = c.advance(s, r.page)
	}
	if s.token == "" || err != nil {
		c.spans = slices.DeleteFunc(c.spans, func(other *span) bool { return other == s })
		c.ordered = c.ordered && err == nil // no new spans while there is trouble
	} else {
		c.waiting = append(c.waiting, s)
	}
	return items, err
}

// advance moves a span behind a page. A store that turns out not to be in order before
// anything was cut is listed in one go.
func (c *crawl) advance(s *span, p page) ([]item, error) {
	c.pages++
	if c.pages == 1 {
		c.ordered = p.ordered && c.limit > 1
	}
	if !c.ordered && c.extra == 0 {
		s.token = p.next
		return p.items, nil
	}
	items, err := s.take(p)
	if err != nil && c.extra == 0 {
		c.ordered, s.token = false, p.next
		return p.items, nil
	}
	return items, err
}

// learn tells the spans of the children of a directory: of none, where that failed, since
// it is but a help.
func (c *crawl) learn(r result) {
	r.span.exploring = false
	var dirs []string
	for _, i := range r.page.items {
		if i.dir {
			dirs = append(dirs, i.key)
		}
	}
	for _, s := range c.spans {
		if !strings.HasPrefix(s.after, r.query.prefix) {
			continue
		}
		s.learn(r.query.prefix, dirs)
		if n := len(r.page.items); n > 0 && r.page.next != "" && s.covers(r.page.items[n-1].key) {
			s.more = r.query
			s.more.token = r.page.next
		} else if s.more.token == r.query.token {
			s.more = query{}
		}
	}
}
