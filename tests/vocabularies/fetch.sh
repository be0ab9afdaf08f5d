#!/usr/bin/env bash
# Fetches the vocabularies that tests of tokenizers compare with, pinned by hash: llama.cpp's own vocabulary files (with texts and the ids
# expected of them) out of the source bundle in node-llama-cpp, tokenizer.json files of public packages, and SentencePiece's own encoder.
# Usage: fetch.sh [DIR]      default: .cache/vocabularies in the checkout. Needs npm, git and openssl.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mkdir -p "${1:-$here/../../.cache/vocabularies}" && cd "${1:-$here/../../.cache/vocabularies}" && pwd)
cd "$dir"
while read -r name version hash; do
  file=$(basename "$name")-$version.tgz
  if [ ! -f "$file" ]; then
    packed=$(npm pack --silent "$name@$version" | tail -1)
    [ "$packed" = "$file" ] || mv "$packed" "$file"
  fi
  echo "$hash  $file" | sha256sum --check --quiet || { rm -f "$file"; echo "fetch.sh: $name@$version is not what was pinned" >&2; exit 1; }
  target=$(basename "$name")
  [ -d "$target" ] && continue
  mkdir "$target.tmp" && tar xzf "$file" -C "$target.tmp" --strip-components=1 && mv "$target.tmp" "$target"
done < "$here/packages.txt"
mkdir -p node_modules/@lenml && ln -sfn ../../tokenizers node_modules/@lenml/tokenizers # what encode.mjs needs
if [ ! -d llama.cpp ]; then
  git -c advice.detachedHead=false clone -q node-llama-cpp/llama/gitRelease.bundle source
  mv source/models llama.cpp && rm -rf source
fi
echo "vocabularies: $dir"
