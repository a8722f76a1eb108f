package source

// event is a CloudEvent on its way: all attributes as text, specversion and
// extensions included, and the data, nil if there is none.
type event struct {
	attributes []attribute
	index      map[string]int // of attributes, once they are many
	data       []byte
}

type attribute struct{ name, value string }

// many is from where on attributes are looked up in a map. Below it a walk is
// faster; above it a record with a hundred thousand headers would make the
// walks quadratic.
const many = 32

func (e *event) set(name, value string) {
	if i, ok := e.find(name); ok {
		e.attributes[i].value = value
		return
	}
	e.attributes = append(e.attributes, attribute{name, value})
	switch n := len(e.attributes); {
	case n > many:
		e.index[name] = n - 1
	case n == many:
		e.index = make(map[string]int, 2*many)
		for i, a := range e.attributes {
			e.index[a.name] = i
		}
	}
}

func (e *event) get(name string) string {
	if i, ok := e.find(name); ok {
		return e.attributes[i].value
	}
	return ""
}

func (e *event) find(name string) (int, bool) {
	if e.index != nil {
		i, ok := e.index[name]
		return i, ok
	}
	for i := range e.attributes {
		if e.attributes[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// define sets an attribute that a record brings, if its text is what the
// CloudEvents SDK accepts; else the record is no event. specversion was set
// before.
func (e *event) define(name, value string) bool {
	switch name {
	case "id", "type", "subject", "datacontenttype":
	case "source":
		if !validURI(value) {
			return false
		}
	case "time":
		rewritten, ok := rewriteTime(value)
		if !ok {
			return false
		}
		value = rewritten
	default:
		if !legalName(name) || (name == e.schemaName() && !validURI(value)) {
			return false
		}
	}
	e.set(name, value)
	return true
}

// schemaName is what the version of the event calls the URI of its schema; the
// other version's name would be an extension.
func (e *event) schemaName() string {
	if e.get("specversion") == "0.3" {
		return "schemaurl"
	}
	return "dataschema"
}

// complete reports whether the attributes are there that no event may lack.
// They may be empty.
func (e *event) complete() bool {
	for _, name := range [...]string{"id", "source", "type"} {
		if _, ok := e.find(name); !ok {
			return false
		}
	}
	return true
}

// upgraded is a copy of the event in version 1.0, with the same data.
func (e *event) upgraded() *event {
	out := &event{attributes: make([]attribute, 0, len(e.attributes)+8), data: e.data}
	schema := e.schemaName()
	for _, a := range e.attributes {
		switch a.name {
		case "specversion":
			a.value = "1.0"
		case schema:
			a.name = "dataschema"
		}
		out.set(a.name, a.value)
	}
	return out
}

// legalName reports whether text may name an extension.
func legalName(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
