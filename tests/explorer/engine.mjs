/** Runs the page's built worker under Node: a JSON of questions in, the answers as raw floats out.
 *
 * node engine.mjs WORKER JOB: JOB is a folder with network.json, weights.bin, questions.json. Each
 * question is [method, parameters]; a parameter {file, shape} is a tensor of float32 in the folder.
 * Answers go to answers.json, which names tensors by their place in answers.bin.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

const [, , worker, job] = process.argv;
const read = (name) => readFileSync(join(job, name));
const waiting = new Map();

globalThis.self = globalThis;
globalThis.postMessage = (reply) => waiting.get(reply.id)(reply);
vm.runInThisContext(readFileSync(worker, "utf-8"), worker);

function floats(name) {
  const bytes = read(name);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

let asked = 0;
function ask(method, parameters) {
  const id = asked++;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    globalThis.onmessage({ data: { id, method, parameters } });
  });
}

const parameter = (value) => {
  if (value === null || typeof value !== "object") return value;
  const data = floats(value.file);
  return value.shape ? { shape: value.shape, data } : data;
};

const chunks = [];
let written = 0;
function stored(value) {
  if (value instanceof Float32Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    chunks.push(Buffer.from(bytes));
    written += value.length;
    return { start: written - value.length, size: value.length };
  }
  if (Array.isArray(value)) return value.map(stored);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, stored(part)]));
}

const network = JSON.parse(read("network.json"));
const replies = [await ask("open", [network, new Uint8Array(read("weights.bin"))])];
for (const [method, parameters] of JSON.parse(read("questions.json"))) {
  const start = performance.now();
  const reply = await ask(method, parameters.map(parameter));
  replies.push({ ...reply, milliseconds: performance.now() - start });
}
writeFileSync(join(job, "answers.json"), JSON.stringify(replies.slice(1).map(stored)));
writeFileSync(join(job, "answers.bin"), Buffer.concat(chunks));
