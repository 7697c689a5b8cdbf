# Each target installs what is missing first; tools/bootstrap.py does the work.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) tools/bootstrap.py

# bench and docs are folders, too: .PHONY makes them targets all the same.
.PHONY: help nightly test lint unit integration doctor install image bench pjsua2-from-source clean reference docs

help:
	@echo "make nightly              run the regression suite on the bench of lab.yaml"
	@echo "make nightly PBX=both     the same on Asterisk 16 and 22 (or asterisk16, asterisk22)"
	@echo "make test                 lint, types, import arrows, unit and integration tests, a night"
	@echo "make lint|unit|integration|doctor|install|image"
	@echo "make reference            write the pages of docs/ that are made from code"
	@echo "make docs                 write the pages as a site, into site/"
	@echo "make bench                the TFTP server against others, nights against their phones"
	@echo "make pjsua2-from-source   build pjsua2 from pjproject's source instead of the wheel"
	@echo "make clean                remove .venv and what tools left behind"

nightly test lint unit integration doctor install image bench:
	@$(BOOTSTRAP) $@ $(if $(PBX),--pbx $(PBX))

reference: install
	@.venv/bin/python tools/reference.py

docs: reference
	@.venv/bin/mkdocs build --strict --config-file tools/mkdocs.yml

pjsua2-from-source: install
	@.venv/bin/python tools/pjsua2_from_source.py --install

clean:
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
