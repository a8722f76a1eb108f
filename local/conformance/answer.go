package conformance

import (
	"context"
	"net/http"
	"time"
)

// Answer is what a sink does with a request.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
	Drop   bool          // ends the connection without an answer
	Hang   bool          // answers only when the sender has given up
	After  time.Duration // how long it takes
}

// wait takes the time that the answer takes.
func (a Answer) wait(ctx context.Context) {
	if a.After > 0 {
		select {
		case <-time.After(a.After):
		case <-ctx.Done():
		}
	}
	if a.Hang {
		<-ctx.Done()
	}
}

func (a Answer) write(w http.ResponseWriter) {
	if a.Drop || a.Hang {
		panic(http.ErrAbortHandler) // which ends the connection and is not logged
	}
	for name, value := range a.Header {
		w.Header()[name] = []string{value}
	}
	if a.Header["Content-Type"] == "" {
		w.Header()["Content-Type"] = nil // nothing is guessed
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(a.Body))
}

// status answers always so.
func status(code int) script { return statuses(code) }

// statuses answers one after the other to the requests of an event, and the last
// one for ever.
func statuses(codes ...int) script {
	return func(_ Request, n int) Answer { return Answer{Status: codes[min(n, len(codes))-1]} }
}

// answers is statuses with more to say.
func answers(all ...Answer) script {
	return func(_ Request, n int) Answer { return all[min(n, len(all))-1] }
}

// byID answers each event in its own way, and accepts those that are not named.
func byID(scripts map[string]script) script {
	return func(r Request, n int) Answer {
		if one := scripts[r.ID()]; one != nil {
			return one(r, n)
		}
		return Answer{Status: http.StatusNoContent}
	}
}

// until answers when release is closed.
func until(release <-chan struct{}) script {
	return func(Request, int) Answer {
		<-release
		return Answer{Status: http.StatusNoContent}
	}
}
