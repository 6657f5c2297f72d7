//go:build tools

// Package tools names the program that testbed/kubernetes builds, so that go.mod pins what it needs.
package tools

import _ "github.com/zegl/kube-score/cmd/kube-score"
