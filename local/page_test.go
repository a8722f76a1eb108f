package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium of a user's own, with its page open.
type browser struct {
	t    *testing.T
	name string
	ctx  context.Context

	mu     sync.Mutex
	faults []string // errors of scripts and of the content security policy
}

func openBrowser(t *testing.T, name, url string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox,
		chromedp.Flag("lang", "en"), chromedp.Flag("disable-quic", true), chromedp.WindowSize(1280, 1000))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{t: t, name: name, ctx: ctx}
	b.do("start", chromedp.Navigate("about:blank"))
	err := chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.faults = append(b.faults, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Source == log.EntrySourceSecurity {
				b.faults = append(b.faults, e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do("open the page", chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("#picks button")))
	return b
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, limited(chromedp.Steps(steps...)))
	b.check(what, err)
}

// ask evaluates an expression of the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	found, err := chromedp.Run(b.ctx, limited(chromedp.Evaluate[T](expression)))
	b.check(expression, err)
	return found
}

// wait waits until an expression of the page is true.
func (b *browser) wait(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, limited(chromedp.Poll[bool](expression)))
	b.check(expression, err)
}

func limited[T any](a chromedp.Action[T]) chromedp.Action[T] {
	return func(ctx context.Context, target *chromedp.Target) (T, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return a(ctx, target)
	}
}

func (b *browser) check(what string, err error) {
	b.t.Helper()
	if err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		b.t.Fatalf("%s: %s: %v\nthe page reads:\n%s", b.name, what, err, page)
	}
}

func (b *browser) signIn(user string) {
	b.t.Helper()
	b.do("sign in as "+user, chromedp.Click(chromedp.CSS(`#picks button[value="`+user+`"]`)))
	b.wait(`document.querySelector('#live').dataset.state === 'open'`)
}

func TestPage_one_registers_and_the_other_sees_it_appear(t *testing.T) {
	found := false
	for _, name := range []string{"headless_shell", "chromium", "chromium-browser", "google-chrome"} {
		_, err := exec.LookPath(name)
		found = found || err == nil
	}
	if !found {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium: run make test, which installs it")
		}
		t.Skip("no Chromium on this machine: the page is not tested (go run ./local doctor says how to get one)")
	}
	h := house(t)
	reader, seller := openBrowser(t, "reader", h.Run.URL), openBrowser(t, "seller", h.Run.URL)
	reader.signIn("3")
	reader.do("follow music", chromedp.Click(chromedp.CSS(`#follow [data-category=music]`)))
	reader.wait(`document.querySelector('#follow [data-category=music]').ariaPressed === 'true'`)

	const title = `<img src=x onerror=alert(1)> 기타 & "guitar"`
	seller.signIn("4")
	for name, value := range map[string]string{"category": "music", "title": title, "priceKrw": "30000", "tags": "기타, 입문"} {
		seller.do("fill in "+name, chromedp.SendKeys(chromedp.CSS(`#register-form [name=`+name+`]`), value))
	}
	// By the Enter key: a click goes to a place, from which the button moves while the page above it fills.
	seller.do("register", chromedp.SendKeys(chromedp.CSS(`#register-form [name=tags]`), "\r"))
	seller.wait(`document.querySelector('#register-state').dataset.state === 'done'`)

	reader.wait(`document.querySelector('#inbox .unread[data-id]') !== null`) // it appears without reloading
	if card := ask[string](reader, `document.querySelector('#inbox [data-id]').innerText`); !strings.Contains(card, title) || !strings.Contains(card, "30,000") {
		t.Errorf("the card reads %q, want the title as it was written and the price", card)
	}
	if ask[int](reader, `document.querySelectorAll('#inbox img').length`) != 0 {
		t.Error("a title became markup")
	}
	reader.do("mark it read", chromedp.Click(chromedp.CSS(`#inbox [data-id] .open`)))
	reader.wait(`document.querySelector('#inbox .unread[data-id]') === null`)
	reader.wait(`fetch('/inbox').then(r => r.json()).then(p => p.items[0].read)`) // kept, not only shown
	reader.do("reload", chromedp.Reload())
	reader.wait(`document.querySelector('#inbox [data-id]') !== null`)
	if ask[int](reader, `document.querySelectorAll('#inbox .unread[data-id]').length`) != 0 {
		t.Error("the card is unread again after a reload")
	}
	reader.wait(`document.querySelector('#badge').textContent === '0'`) // it was looked at
	reader.wait(`parseInt(document.querySelector('#stats-total').textContent) > 0`)
	for _, b := range []*browser{reader, seller} {
		for _, fault := range b.faults {
			t.Errorf("%s: %s", b.name, fault)
		}
	}
}
