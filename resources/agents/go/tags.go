// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"time"
)

// scope is what the application says about the work that a context belongs to. Never changed once made.
type scope struct {
	tags     []pair
	by       string
	expected time.Duration
}

type scopeKey struct{}

var noScope = &scope{}

func scopeOf(ctx context.Context) *scope {
	if ctx == nil {
		return noScope
	}
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s
	}
	return noScope
}

// WithTags gives every checkout that is made with the context, or one derived from it, tags: names and
// values in turn. They add to those of the context; of a name that occurs again the later value counts.
// At most 16; names are cut at 64 bytes, values at 256. A name without a value is left out.
func WithTags(ctx context.Context, namesAndValues ...string) context.Context {
	s := *scopeOf(ctx)
	s.tags = append([]pair(nil), s.tags...)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		s.setTag(namesAndValues[i], namesAndValues[i+1])
	}
	return context.WithValue(ctx, scopeKey{}, &s)
}

// tags are those of the scope, and the span's id as each agent has it. A tag that the application itself calls
// so stays as it is.
func (l *lend) tags() []pair {
	if l.span == "" {
		return l.scope.tags
	}
	s := scope{tags: append([]pair(nil), l.scope.tags...)}
	if len(s.tags) >= maxTags {
		s.tags = s.tags[:maxTags-1]
	}
	for _, tag := range s.tags {
		if tag.name == spanTag {
			return s.tags
		}
	}
	s.setTag(spanTag, l.span)
	return s.tags
}

const spanTag = "span_id"

func (s *scope) setTag(name, value string) {
	for i := range s.tags {
		if s.tags[i].name == name {
			s.tags[i].value = value
			return
		}
	}
	if name != "" && len(s.tags) < maxTags {
		s.tags = append(s.tags, pair{name, value})
	}
}

// WithBy says who acquires: a user, a handler, a job. At most 128 bytes.
func WithBy(ctx context.Context, by string) context.Context {
	s := *scopeOf(ctx)
	s.by = by
	return context.WithValue(ctx, scopeKey{}, &s)
}

// WithExpected says how long a checkout may honestly take: until then it is a long operation, not a
// suspected leak.
func WithExpected(ctx context.Context, d time.Duration) context.Context {
	s := *scopeOf(ctx)
	s.expected = d
	return context.WithValue(ctx, scopeKey{}, &s)
}
