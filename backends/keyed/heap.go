package keyed

// sifted is an element of a binaryHeap.
type sifted[T any] interface {
	// before is whether it comes before another one.
	before(T) bool
	// moved tells it its place in the heap, -1 if it is taken out.
	moved(place int)
}

// binaryHeap has what comes first at its place 0. Its elements know their places, so that any can be taken out.
type binaryHeap[T sifted[T]] []T

// push adds an element.
func (h *binaryHeap[T]) push(t T) {
	*h = append(*h, t)
	h.sift(len(*h) - 1)
}

// drop takes an element out.
func (h *binaryHeap[T]) drop(place int) {
	all := *h
	last := len(all) - 1
	gone := all[place]
	all[place] = all[last]
	clear(all[last:])
	if *h = all[:last]; place < last {
		h.sift(place)
	}
	gone.moved(-1)
}

// sift moves one element up or down to where it belongs.
func (h binaryHeap[T]) sift(i int) {
	t := h[i]
	for i > 0 && t.before(h[(i-1)/2]) {
		h[i] = h[(i-1)/2]
		h[i].moved(i)
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].before(h[child]) {
			child = right
		}
		if !h[child].before(t) {
			break
		}
		h[i] = h[child]
		h[i].moved(i)
		i = child
	}
	h[i] = t
	t.moved(i)
}
