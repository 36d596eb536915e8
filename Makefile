# make demo     find objects in the photos of examples/ and say where the page is
# make test     every check: lint, types, layering, tests
# make check    the same without the tests
#
# All of them make .venv where there is none. Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

REQUIREMENTS := pyproject.toml constraints.txt
INSTALLED     := $(BIN)/.googlenet-rcnn
INSTALLED_DEV := $(BIN)/.googlenet-rcnn-dev

.PHONY: help demo test check
.NOTPARALLEL:

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

demo: $(INSTALLED)
	$(BIN)/python tools/infer.py examples --out runs/demo --overwrite
	@echo "The page: $(CURDIR)/runs/demo/index.html"

test: check
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} $(BIN)/python -m pytest

check: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# opencv-python needs libGL, which a Linux machine without a screen may lack; its headless build does not, and is
# installed over it where `import cv2` fails. (albumentations brings the headless build in any case.)
define INSTALL
	$(BIN)/python -m pip install -c constraints.txt -e '$(1)'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --force-reinstall --no-deps \
		-c constraints.txt opencv-python-headless
	@touch $@
endef

$(INSTALLED): $(BIN)/pip $(REQUIREMENTS)
	@echo "Installing into $(VENV): a few minutes and some gigabytes (PyTorch) the first time."
	$(call INSTALL,.)

$(INSTALLED_DEV): $(BIN)/pip $(REQUIREMENTS)
	@echo "Installing into $(VENV): a few minutes and some gigabytes (PyTorch) the first time."
	$(call INSTALL,.[dev])
	@touch $(INSTALLED)

# pip is the last thing that venv makes: an interrupted or incomplete environment is made again
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) on this machine: install Python 3.11 or newer, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is `$(PYTHON) --version 2>&1`: Python 3.11 or newer is needed; name it: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
