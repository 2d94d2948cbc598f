/** Runs the page's built worker under Node: a JSON of questions in, the answers as raw floats out.
 *
 * node engine.mjs WORKER JOB...: a JOB is a folder with network.json, weights.bin, questions.json. Each
 * question is [method, parameters]; a parameter {file, shape} is a tensor of float32 in the folder.
 * Answers go to answers.json, which names tensors by their place in answers.bin.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

const [, , worker, ...jobs] = process.argv;
const waiting = new Map();

globalThis.self = globalThis;
globalThis.postMessage = (reply) => waiting.get(reply.id)(reply);
vm.runInThisContext(readFileSync(worker, "utf-8"), worker);

function floats(path) {
  const bytes = readFileSync(path);
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

function stored(value, chunks) {
  if (value instanceof Float32Array) {
    const start = chunks.reduce((sum, chunk) => sum + chunk.length / 4, 0);
    chunks.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return { start, size: value.length };
  }
  if (Array.isArray(value)) return value.map((each) => stored(each, chunks));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, stored(part, chunks)]));
}

async function work(job) {
  const read = (name) => readFileSync(join(job, name));
  const parameter = (value) => {
    if (value === null || typeof value !== "object") return value;
    const data = floats(join(job, value.file));
    return value.shape ? { shape: value.shape, data } : data;
  };
  const chunks = [];
  const replies = [];
  const network = JSON.parse(read("network.json"));
  const opened = await ask("open", [network, new Uint8Array(read("weights.bin"))]);
  if (opened.error) throw new Error(opened.error);
  for (const [method, parameters] of JSON.parse(read("questions.json"))) {
    const start = performance.now();
    const reply = await ask(method, parameters.map(parameter));
    const milliseconds = performance.now() - start;
    replies.push({ ...stored(reply, chunks), milliseconds });
  }
  writeFileSync(join(job, "answers.json"), JSON.stringify(replies));
  writeFileSync(join(job, "answers.bin"), Buffer.concat(chunks));
}

for (const job of jobs) await work(job);
