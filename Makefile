# The commands of the README. Each is one line here; what is longer lives in scripts/.

.DEFAULT_GOAL := help
.PHONY: help run test lint web

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

run: ## a demo school on this machine (needs Rust and a C compiler, nothing else)
	cargo run --locked -- demo

test: ## every test: both databases, Redis, the browser
	scripts/test

lint: ## format, clippy, dependencies, spelling, deployment
	scripts/lint

web: ## rebuild web/dist, the GraphiQL page (needs Node); only after a change in web/
	cd web && npm ci && npm run build
