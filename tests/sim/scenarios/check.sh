#!/bin/sh
# check.sh KR_SIM NAME: runs the scenario NAME.txt and compares what is told of it with NAME.story.
# check.sh KR_SIM NAME --renew: writes NAME.story anew. Read the difference before you commit it.
set -eu
folder=$(dirname "$0")
story=$("$1" --script "$folder/$2.txt" --story --long)
if [ "${3:-}" = --renew ]; then
    printf '%s\n' "$story" > "$folder/$2.story"
else
    printf '%s\n' "$story" | diff -u "$folder/$2.story" -
fi
