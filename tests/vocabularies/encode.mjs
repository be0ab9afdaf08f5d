// Number and SHA-256 of the ids (int32, little-endian) that a package's own encoder gives for a text, without special tokens around it.
// Usage: node encode.mjs PACKAGE TEXTFILE      PACKAGE is a directory that fetch.sh made, e.g. .cache/vocabularies/tokenizer-llama2
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [directory, file] = process.argv.slice(2);
const load = createRequire(resolve(directory, 'package.json'))('./dist/main.js');
const ids = load.fromPreTrained().encode(readFileSync(file, 'utf8'), { add_special_tokens: false });
console.log(ids.length, createHash('sha256').update(Buffer.from(Int32Array.from(ids).buffer)).digest('hex'));
