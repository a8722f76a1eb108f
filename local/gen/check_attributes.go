package gen

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

var attributeName = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// checkAttributes holds the rules of CloudEvents 1.0, and the functions' limits.
func checkAttributes(members map[string]jsontext.Value) error {
	extensions := 0
	for name, value := range members {
		switch name {
		case "data", "data_base64":
			continue
		case "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema":
			if value.Kind() != '"' {
				return fmt.Errorf("%s is no string", name)
			}
		default:
			extensions++
		}
		if err := checkAttribute(name, value); err != nil {
			return err
		}
	}
	for _, name := range []string{"specversion", "id", "source", "type"} {
		if _, ok := members[name]; !ok {
			return fmt.Errorf("%s is missing", name)
		}
	}
	_, plain := members["data"]
	_, encoded := members["data_base64"]
	if plain && encoded {
		return errors.New("both data and data_base64")
	}
	if extensions > mostExtensions {
		return fmt.Errorf("more than %d extensions", mostExtensions)
	}
	return nil
}

func checkAttribute(name string, value jsontext.Value) error {
	if !attributeName.MatchString(name) {
		return fmt.Errorf("attribute %q: a name has 1 to 64 of a-z and 0-9", name)
	}
	text, ok := textOf(value)
	if !ok {
		return fmt.Errorf("%s is neither text nor true, false or an integer of 32 bits", name)
	}
	if text == "" {
		return fmt.Errorf("%s is empty", name)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s has a control character", name)
	}
	most, wrong := 0, error(nil)
	switch name {
	case "specversion":
		if text != "1.0" {
			wrong = errors.New("is not 1.0")
		}
	case "id":
		most = mostID
	case "source":
		most = mostSource
		_, wrong = url.Parse(text)
	case "subject":
		most = mostSubject
	case "time":
		var at time.Time
		if at, wrong = time.Parse(time.RFC3339, text); wrong == nil && (at.Year() < 1900 || at.Year() > 9999) {
			wrong = errors.New("is not between 1900 and 9999")
		}
	case "datacontenttype":
		_, _, wrong = mime.ParseMediaType(text)
	case "dataschema":
		var u *url.URL
		if u, wrong = url.Parse(text); wrong == nil && !u.IsAbs() {
			wrong = errors.New("is no absolute URI")
		}
	}
	if most > 0 && len(text) > most {
		wrong = fmt.Errorf("is longer than %d bytes", most)
	}
	if wrong != nil {
		return fmt.Errorf("%s: %w", name, wrong)
	}
	return nil
}

// textOf is the value of an attribute as text.
func textOf(value jsontext.Value) (string, bool) {
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		return string(text), err == nil
	case 't', 'f':
		return string(value), true
	case '0':
		_, err := strconv.ParseInt(string(value), 10, 32)
		return string(value), err == nil
	}
	return "", false
}
