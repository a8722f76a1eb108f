package render

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	house "somssi/local/template"
	"somssi/shared"
)

// formats are the names that functions share in Redis, by how shared calls them.
var formats = map[string]string{
	"Timeline": shared.Timeline, "Withdrawn": shared.Withdrawn, "TalentCache": shared.TalentCache,
	"StatsCounted": shared.StatsCounted, "StatsTotals": shared.StatsTotals, "StatsMinutes": shared.StatsMinutes,
	"Hints": shared.Hints, "UserHints": "{b%04d}:ev",
}

// channels are those of formats that are no keys.
var channels = []string{"Hints", "UserHints"}

// access is what a function uses in Redis.
type access struct{ keys, channels, commands map[string]bool }

// renderRedis derives the users of Redis from the code of the functions that read
// REDIS_URL; empty where there is none.
func renderRedis(root fs.FS, t *house.Template, needed map[string]map[string]bool) (string, error) {
	type user struct{ Name, Rules string }
	var users []user
	for _, name := range t.Names() {
		if !needed[name]["REDIS_URL"] {
			continue
		}
		uses, err := redisOf(root, "functions/"+name)
		if err != nil {
			return "", fmt.Errorf("read what %s does with Redis: %w", name, err)
		}
		var rules []string
		for _, of := range []struct {
			sign string
			all  map[string]bool
		}{{"~", uses.keys}, {"&", uses.channels}, {"+", uses.commands}} {
			for _, one := range slices.Sorted(maps.Keys(of.all)) {
				rules = append(rules, of.sign+one)
			}
		}
		users = append(users, user{name, strings.Join(rules, " ")})
	}
	if len(users) == 0 {
		return "", nil
	}
	return execute("users.acl", map[string]any{"Users": users})
}

// redisOf is what the code of a folder does by go-redis and in scripts. Names of
// its own it has to give as they are, where a command takes them.
func redisOf(root fs.FS, dir string) (access, error) {
	uses := access{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	known, err := redisNames(root, dir)
	if err != nil {
		return uses, err
	}
	var wrong error
	slot := false // whether a script makes names of keys itself: then it may use any key of its slot
	err = declarations(root, dir, func(d ast.Decl) {
		known.bind(d)
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if from, ok := n.X.(*ast.Ident); ok && from.Name == "shared" && formats[n.Sel.Name] != "" {
					if name := pattern(formats[n.Sel.Name]); slices.Contains(channels, n.Sel.Name) {
						uses.channels[name] = true
					} else {
						uses.keys[name] = true
					}
				}
			case *ast.BasicLit:
				slot = inScript(n, uses.commands) || slot
			case *ast.CallExpr:
				if err := uses.call(n, known); err != nil {
					wrong = err
				}
			}
			return true
		})
	})
	if slot {
		for name := range maps.Clone(uses.keys) {
			if tag := strings.IndexByte(name, '}'); name[0] == '{' && tag > 0 {
				delete(uses.keys, name)
				uses.keys[name[:tag+1]+":*"] = true
			}
		}
	}
	if err == nil {
		err = wrong
	}
	return uses, err
}

var verb = regexp.MustCompile(`%0?\d*[sdv]`)

// pattern is what a format makes, as Redis' globs say it.
func pattern(format string) string { return verb.ReplaceAllString(format, "*") }

var inner = regexp.MustCompile(`redis\.p?call\('(\w+)',\s*(KEYS\[\d+\])?(\s*\.\.)?`)

// inScript adds the commands of a script, and tells whether it makes names of keys.
func inScript(lit *ast.BasicLit, commands map[string]bool) (makes bool) {
	if lit.Kind != token.STRING {
		return false
	}
	text, _ := strconv.Unquote(lit.Value)
	for _, found := range inner.FindAllStringSubmatch(text, -1) {
		command := strings.ToLower(found[1])
		commands[command] = true
		makes = makes || command != "publish" && (found[2] == "" || found[3] != "")
	}
	return makes
}

// byMethod are the commands of methods that a pipeline has not.
var byMethod = map[string][]string{
	"Pipelined": {}, "Close": {}, "TxPipelined": {"multi", "exec"}, "PSubscribe": {"psubscribe"}, "Subscribe": {"subscribe"},
}

// call adds what a call of a method of go-redis does, if it is one.
func (a access) call(c *ast.CallExpr, known names) error {
	method, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	switch script := known.scripts[lastName(method.X)]; {
	case script && method.Sel.Name == "Run":
		a.commands["evalsha"], a.commands["eval"] = true, true // the latter where Redis has forgotten it
	case script && method.Sel.Name == "Load":
		a.commands["script|load"] = true
	case known.client(method.X):
		commands, listed := byMethod[method.Sel.Name]
		if !listed {
			command, err := commandOf(method.Sel.Name)
			if err != nil {
				return err
			}
			commands = []string{command}
		}
		for _, one := range commands {
			a.commands[one] = true
		}
		given, to := c.Args[min(1, len(c.Args)):], a.keys // after the context
		subscribes := strings.HasSuffix(method.Sel.Name, "ubscribe")
		if subscribes || method.Sel.Name == "Publish" {
			to = a.channels
		}
		if !subscribes {
			given = given[:min(1, len(given))]
		}
		for _, argument := range given {
			if name := known.name(argument); name != "" {
				to[name] = true
			}
		}
	}
	return nil
}

// commandOf asks go-redis for the command that a method sends.
func commandOf(method string) (command string, err error) {
	client := redis.NewClient(&redis.Options{Addr: "none:0"})
	defer func() {
		_ = client.Close()
		if p := recover(); p != nil {
			err = fmt.Errorf("what rdb.%s sends is not known: add it to byMethod", method)
		}
	}()
	f := reflect.ValueOf(client.Pipeline()).MethodByName(method)
	in := []reflect.Value{reflect.ValueOf(context.Background())}
	for i := 1; i < f.Type().NumIn(); i++ {
		switch of := f.Type().In(i); {
		case f.Type().IsVariadic() && i == f.Type().NumIn()-1:
		case of.Kind() == reflect.Pointer:
			in = append(in, reflect.New(of.Elem()))
		default:
			in = append(in, reflect.Zero(of))
		}
	}
	if command = f.Call(in)[0].Interface().(redis.Cmder).Name(); command == "" {
		panic("any command")
	}
	return command, nil
}
