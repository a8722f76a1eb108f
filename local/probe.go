package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/probe"
)

func (c *cli) probe() *cobra.Command {
	o := probe.Options{Say: c.say}
	var during time.Duration
	var seller, follower string
	cmd := &cobra.Command{
		Use:   "probe <URL>",
		Short: "Register talents at a deployment, and see that each is told once",
		Long: `Register talents at a deployment, here or in a cluster, and see that each is told
once: users who nobody else is follow categories of their own and keep their streams
open, which come back where they were when they are cut, while talents are registered
at a rate. A request that fails is made again under the same key, as a careful client
does. At the end every registration that was answered must have been on the stream
once, and be in the inbox once. What was registered stays.

Tokens come from the development issuer at the same address. A deployment that has none
wants the tokens of two users, whose sub are different, each in a file or in
PROBE_SELLER_TOKEN and PROBE_FOLLOWER_TOKEN.

Exit code 1: a registration was lost, told twice or never answered.`,
		Example: `  go run ./local probe http://localhost:8080 --count 200
  go run ./local probe https://somssi.example --rate 20 --for 60s --seller-token seller.jwt --follower-token follower.jwt
  go run ./local probe http://localhost:8080 -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.URL, err = base(args[0]); err != nil {
				return err
			}
			if o.Count, err = howMany(o, during, cmd.Flags().Changed("count")); err != nil {
				return err
			}
			if o.Seller, err = token(seller, "PROBE_SELLER_TOKEN"); err != nil {
				return err
			}
			if o.Follower, err = token(follower, "PROBE_FOLLOWER_TOKEN"); err != nil {
				return err
			}
			if (o.Seller == "") != (o.Follower == "") {
				return inputError{errors.New("a seller is not told of what is his own: give the tokens of two users, or none")}
			}
			report, err := probe.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := c.print(report, func(w io.Writer) { fmt.Fprintln(w); report.Write(w) }); err != nil {
				return err
			}
			return report.Wrong()
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&o.Rate, "rate", 20, "registrations a second, at random intervals")
	flags.DurationVar(&during, "for", 0, "register for so long")
	flags.IntVar(&o.Count, "count", 100, "register so many")
	flags.DurationVar(&o.Settle, "settle", time.Minute, "wait so long at most for what was answered and not yet shown")
	flags.StringVar(&seller, "seller-token", "", "file with the token of who registers")
	flags.StringVar(&follower, "follower-token", "", "file with the token of who follows")
	return cmd
}

// base is the address of a deployment without the slash at its end.
func base(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", inputError{fmt.Errorf("%q: give the address of the page, such as http://localhost:8080", text)}
	}
	return u.Scheme + "://" + u.Host, nil
}

// howMany registrations there are to be.
func howMany(o probe.Options, during time.Duration, counted bool) (int, error) {
	n := float64(o.Count)
	if during != 0 {
		n = math.Ceil(o.Rate * during.Seconds())
	}
	switch {
	case during != 0 && counted:
		return 0, inputError{errors.New("--for and --count each say how many are registered: give one")}
	case math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0) || o.Rate <= 0:
		return 0, inputError{fmt.Errorf("--rate %g: give a number above zero", o.Rate)}
	case n < 1 || n > 40_000:
		return 0, inputError{fmt.Errorf("%g registrations: give 1 to 40,000, which an inbox keeps", n)}
	}
	return int(n), nil
}

// token is what is in a file, or in the environment.
func token(file, variable string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", inputError{err}
	}
	return strings.TrimSpace(string(text)), nil
}
