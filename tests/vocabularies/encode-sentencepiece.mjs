// Number and SHA-256 of the ids (int32, little-endian) that SentencePiece's own encoder (compiled to WebAssembly) gives for a text with the
// vocabulary of a GGUF file, which is written as tokenizer.model first: BPE ('llama') of the whole text, Unigram of each sentence. (It adds
// scores up in single precision, so that in long texts rounding picks the pieces.)
// Usage: node encode-sentencepiece.mjs VOCABULARY.gguf TEXTFILE
import { createHash } from 'node:crypto';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [vocabulary, textFile] = process.argv.slice(2);
const { SentencePieceProcessor } = createRequire(import.meta.url)('../../.cache/vocabularies/sentencepiece-js/dist/index.js');
const gguf = metadata(readFileSync(vocabulary));
const model = join(tmpdir(), `unigram-${process.pid}.model`);
writeFileSync(model, proto(gguf));
const processor = new SentencePieceProcessor();
await processor.load(model);
unlinkSync(model);
const text = readFileSync(textFile, 'utf8'), isBpe = gguf['tokenizer.ggml.model'].toString() === 'llama';
const ids = (isBpe ? [text] : text.split(/[.\n]/)).flatMap(part => [...processor.encodeIds(part)]);
console.log(ids.length, createHash('sha256').update(Buffer.from(Int32Array.from(ids).buffer)).digest('hex'));

function metadata(file) {
  let at = 24;
  const u32 = () => file.readUInt32LE((at += 4) - 4), u64 = () => Number(file.readBigUInt64LE((at += 8) - 8));
  const text = () => { const n = u64(); return file.subarray(at, at += n); };
  const sizes = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
  const value = type => {
    if (type === 8) return text();
    if (type !== 9) { const from = at; at += sizes[type]; return file.subarray(from, at); }
    const inner = u32(), count = u64();
    if (inner === 8) return Array.from({ length: count }, text);
    const from = at;
    at += count * sizes[inner];
    return file.subarray(from, at);
  };
  const keys = {};
  for (let left = Number(file.readBigUInt64LE(16)); left > 0; left--) { const key = text().toString(); keys[key] = value(u32()); }
  return keys;
}

function proto(keys) {
  const varint = n => { const bytes = []; for (; n > 127; n >>= 7) bytes.push((n & 127) | 128); return Buffer.from([...bytes, n]); };
  const field = (number, content) => Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content]);
  const tokens = keys['tokenizer.ggml.tokens'], scores = keys['tokenizer.ggml.scores'], types = keys['tokenizer.ggml.token_type'];
  const pieces = tokens.map((token, id) => field(1, Buffer.concat([
    field(1, token), Buffer.from([0x15]), scores.subarray(4 * id, 4 * id + 4), Buffer.from([0x18, types[4 * id]])])));
  if (keys['tokenizer.ggml.model'].toString() === 'llama') // bytes stand for what is no piece; spaces stay as they are
    return Buffer.concat([...pieces, field(2, Buffer.from([0x18, 2, 0x98, 2, 1])), field(3, Buffer.from([0x18, 1, 0x20, 0]))]);
  return Buffer.concat([...pieces, field(2, Buffer.from([0x18, 1])), field(3, field(2, keys['tokenizer.ggml.precompiled_charsmap']))]);
}
