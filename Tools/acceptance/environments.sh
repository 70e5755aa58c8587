#!/bin/sh
# environments.sh [first|second|hub|fuzz|wire|remote]...: makes the Python environments of the acceptance suite, by default
# the first four; the last one takes gigabytes.
# Versions are pinned in requirements/*.txt, which `uv pip compile` writes from the *.in beside them. An environment
# whose requirements have not changed since is left as it is, so a second run takes no time and no network.
set -eu
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
tools=.venv-acceptance-tools
uv_version=0.13.9

up_to_date() { test -x "$1/bin/python" && test "$(cat "$1/installed" 2>/dev/null)" = "$2"; }

for name in ${*:-first second hub fuzz}; do
    requirements=Tools/acceptance/requirements/$name.txt
    environment=.venv-acceptance-$name
    sum=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$requirements")
    up_to_date "$environment" "$sum" && continue
    if ! up_to_date $tools $uv_version; then
        "$python" -m venv --clear $tools
        $tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$uv_version
        echo $uv_version > $tools/installed
    fi
    $tools/bin/uv venv --quiet --clear --python "$python" "$environment"
    $tools/bin/uv pip install --quiet --python "$environment/bin/python" -r "$requirements"
    echo "$sum" > "$environment/installed"
done
