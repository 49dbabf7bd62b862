#!/usr/bin/env bash
# mypy does not see editable import hooks: give it real folders, one link per room (docs/decisions/0001-namespace.md).
set -euo pipefail
mkdir -p build/typecheck/potstill
for room in actors cluster envs experience launch learners policies queues; do
  ln -sfn "$PWD/$room" "build/typecheck/potstill/$room"
done
