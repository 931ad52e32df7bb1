.DEFAULT_GOAL := help
.PHONY: help demo generate verify lint test test/race bench tidy tools db/psql

# A server through the chain of internal/pgserver, one for the whole command.
POSTGRES := go run ./internal/withpostgres

# Tools are built once for each version of theirs and of Go, with versions
# pinned by tools/go.mod and tools/lint/go.mod.
BIN     := .cache/bin/$(shell go env GOVERSION)
pinned   = $(shell awk '$$1 == "$(1)" { print $$2 }' $(2)/go.mod)
SQLC    := $(BIN)/sqlc-$(call pinned,github.com/sqlc-dev/sqlc,tools)
LINTER  := $(BIN)/golangci-lint-$(call pinned,github.com/golangci/golangci-lint/v2,tools/lint)
SQUAWK  := .cache/squawk-2.66.0/node_modules/.bin/squawk
MODULES := $(dir $(shell find . -name go.mod -not -path './.cache/*'))
# Those with Go code: the tools only pin.
CODE    := $(filter-out ./tools/%,$(MODULES))
# Examples whose dependencies are not to be the library's.
EXAMPLES := $(filter ./examples/%,$(MODULES))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run examples/quickstart on a throw-away PostgreSQL
	@$(POSTGRES) -env DATABASE_URL -- go run ./examples/quickstart

generate: $(SQLC) ## Regenerate db/ and docs/schema.md
	$(SQLC) generate
	$(POSTGRES) -- go run ./internal/schemagen

verify: generate ## Fail when something generated is stale or a query breaks a rule
	git diff --exit-code -- db docs/schema.md
	@new=$$(git ls-files --others --exclude-standard -- db docs/schema.md) && test -z "$$new" || \
		{ echo "not committed: $$new"; exit 1; }
	go run ./internal/checkqueries
	$(POSTGRES) -- go run ./internal/withschema -- $(SQLC) vet
	@set -e; for m in $(MODULES); do echo "go mod tidy -diff: $$m"; (cd $$m && go mod tidy -diff); done
	@set -e; for m in $(CODE); do echo "go vet: $$m"; (cd $$m && go vet ./... && go vet -tags container,pgbin ./...); done

lint: $(LINTER) $(SQUAWK) ## Lint Go and migrations, look for known vulnerabilities
	$(LINTER) config verify
	@set -e; for m in $(CODE); do echo "golangci-lint: $$m"; (cd $$m && $(abspath $(LINTER)) run ./...); done
	$(SQUAWK) schema/*.sql
	tools/vulncheck $(CODE)

# The root package also runs in a schema of its own, beside a host's tables of
# the same names.
test: ## Run every test; TESTFLAGS='-run TestEnroll -v' narrows it
	$(POSTGRES) -- sh -ec 'go test -count=1 -timeout=10m $(TESTFLAGS) ./...; \
		ELEVATE_TEST_SCHEMA=school go test -count=1 -timeout=10m $(TESTFLAGS) .; \
		for m in $(EXAMPLES); do go test -C $$m -count=1 -timeout=10m $(TESTFLAGS) ./...; done'

test/race: ## Run the tests of the root package under the race detector
	$(POSTGRES) -- go test -race -count=1 -timeout=15m $(TESTFLAGS) .

bench: ## Run the benchmarks
	$(POSTGRES) -- go test -run='^$$' -bench=. $(TESTFLAGS) ./...

tidy: ## Tidy every module
	@set -e; for m in $(MODULES); do echo "go mod tidy: $$m"; (cd $$m && go mod tidy); done

tools: $(SQLC) $(LINTER) $(SQUAWK) ## Build what generate, verify and lint need
	tools/vulncheck

db/psql: ## Open psql on a throw-away database with the newest schema
	$(POSTGRES) -- go run ./internal/withschema -search_path public -- sh -c 'psql "$$ELEVATE_VET_DATABASE_URL"'

$(SQLC):
	CGO_ENABLED=0 go build -C tools -o $(abspath $@) github.com/sqlc-dev/sqlc/cmd/sqlc

$(LINTER):
	CGO_ENABLED=0 go build -C tools/lint -o $(abspath $@) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(SQUAWK):
	npm install --silent --no-save --prefix .cache/squawk-2.66.0 squawk-cli@2.66.0
