package gen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

func arrayEdges(s *jsonschema.Schema, random *rand.Rand) ([]one, error) {
	least, most := bounds(s.MinItems, s.MaxItems, 20)
	inside, err := edges(s.Items, random)
	if err != nil {
		return nil, err
	}
	var all []one
	for _, length := range slices.Compact([]int{least, most}) {
		items := manyItems(inside, length, s.UniqueItems)
		all = append(all, one{fmt.Sprintf("%d items", len(items)), "[" + strings.Join(items, ",") + "]"})
	}
	return all, nil
}

// manyItems are n values, the largest of those inside first; where all must
// differ, the others of the same length or fewer than n.
func manyItems(inside []one, n int, unique bool) []string {
	var items []string
	for i := 0; len(items) < n && i < 100*n; i++ {
		item := inside[len(inside)-1-i%len(inside)].value
		if unique && slices.Contains(items, item) {
			item = numbered(item, i)
		}
		if item != "" && (!unique || !slices.Contains(items, item)) {
			items = append(items, item)
		}
	}
	return items
}

// numbered is a JSON string with a number for its last characters, "" where it
// is none or too short for that.
func numbered(item string, i int) string {
	if !strings.HasPrefix(item, `"`) {
		return ""
	}
	runes, digits := []rune(strings.Trim(item, `"`)), []rune(fmt.Sprint(i))
	if len(runes) < len(digits) || strings.Contains(item, `\`) {
		return ""
	}
	return `"` + string(runes[:len(runes)-len(digits)]) + string(digits) + `"`
}
