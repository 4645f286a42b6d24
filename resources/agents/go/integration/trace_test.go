// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"poolscope.org/agent"
)

// the README's lines for OpenTelemetry, which it is compared with.
var openTelemetry = poolscope.Options{Name: "traced",
	Trace: func(ctx context.Context) (traceID, spanID string) {
		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
			return span.TraceID().String(), span.SpanID().String()
		}
		return "", ""
	},
}

// TestOpenTelemetry: what is acquired in a span has its ids, what is not has none.
func TestOpenTelemetry(t *testing.T) {
	needPoolscope(t)
	withAgent(t)
	var texts [2]string
	for i, file := range []string{"trace_test.go", "../README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = strings.ReplaceAll(string(text), "\t", "")
	}
	_, lines, _ := strings.Cut(texts[0], "Name: \"traced\",\n")
	lines, _, _ = strings.Cut(lines, "},\n}")
	if !strings.Contains(texts[1], lines+"},\n```") {
		t.Errorf("the README has other lines than\n%s", lines)
	}
	db, err := poolscope.Open("pgx", pgxDSN(t), openTelemetry)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	traceID, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	spanID, _ := trace.SpanIDFromHex("00f067aa0ba902b7")
	within := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	for _, ctx := range []context.Context{poolscope.WithTags(within, "a", "b"), poolscope.WithTags(context.Background(), "a", "c")} {
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	var held []leak
	ask(t, &held, "checkouts", poolscope.Address())
	if len(held) != 2 {
		t.Fatalf("held are %+v", held)
	}
	for _, one := range held {
		if want := map[string]string{"b": "00f067aa0ba902b7", "c": ""}[one.Tags["a"]]; one.Tags["span_id"] != want {
			t.Errorf("tags are %v", one.Tags)
		}
	}
}
