package content

import (
	"github.com/ckpt-tool/ckpt/metadata"
)

// channel is i32 version, then i32 length and bytes of each buffer. They follow each
// other without a gap, so that every offset must be met. Where one is not, the next
// offset is believed.
func (k *checker) channel() {
	if _, ok := k.version("channel state", channelVersion); !ok {
		return
	}
	points := k.bufferPoints()
	owner := k.parts[0]
	for k.c.left() > 0 && !k.c.cut() {
		points = k.dropBefore(points, "a buffer")
		at, next := k.c.at, k.end
		if len(points) > 0 && points[0].at == at {
			owner, points = points[0].part, points[1:]
		} else if len(points) > 0 {
			owner = points[0].part
		}
		if len(points) > 0 {
			next = points[0].at
		}
		k.buffer(owner, at, next)
	}
}

// buffer passes over one buffer, to next where it is not what ends there or before.
func (k *checker) buffer(owner *Part, at, next int64) {
	size := k.c.i32()
	switch {
	case k.c.cut():
	case k.c.short || size < 0 || int64(size) > next-k.c.at:
		k.problem(owner, at, "a buffer of %d bytes does not end before the next, at %d", size, next)
		k.c.skipTo(max(next, k.c.at))
	default:
		k.c.skip(int64(size))
	}
}

// bufferPoints are the offsets of all channels.
func (k *checker) bufferPoints() []point {
	var all []point
	for _, p := range k.parts {
		handles, err := channelsOf(p)
		if err != nil {
			k.problem(p, k.start, "%v", err)
		}
		for _, h := range handles {
			for _, o := range h.Offsets {
				all = append(all, point{at: k.start + o, part: p})
			}
		}
	}
	return k.points(all, "a buffer")
}

func channelsOf(p *Part) ([]*metadata.SingleChannelHandle, error) {
	switch h := p.Place.Parent.(type) {
	case *metadata.SingleChannelHandle:
		return []*metadata.SingleChannelHandle{h}, nil
	case *metadata.MergedChannelHandle:
		return h.Unmerge()
	}
	return nil, nil
}
