/** Builds the page's assets into the Python package: the same bytes for the same sources. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const assets = process.argv[2] ?? join(here, "../../cnnkit/explorer/assets");

const options = {
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  logLevel: "warning",
  absWorkingDir: here,
};

/** Assets by the source that each is built from. */
const ENTRIES = {
  "worker.js": "src/worker.ts",
  "explorer.js": "src/main.ts",
  "explorer.css": "src/explorer.css",
};

function filesUnder(folder) {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesUnder(path) : [path]));
}

/** SHA-256 of all that the assets are made of; `tests/explorer/test_assets.py` computes it, too. */
function hashOfSources() {
  const hash = createHash("sha256");
  const roots = ["build.mjs", "package-lock.json", "tsconfig.json"].map((name) => join(here, name));
  for (const path of [...roots, ...filesUnder(join(here, "src"))]) {
    hash.update(`${relative(here, path).replaceAll("\\", "/")}\0`);
    hash.update(readFileSync(path));
    hash.update("\0");
  }
  return hash.digest("hex");
}

mkdirSync(assets, { recursive: true });
for (const [name, entry] of Object.entries(ENTRIES)) {
  if (!existsSync(join(here, entry))) continue;
  await build({ ...options, entryPoints: [entry], outfile: join(assets, name) });
}
writeFileSync(join(assets, "page.html"), readFileSync(join(here, "src/page.html")));
writeFileSync(join(assets, "SOURCES.sha256"), `${hashOfSources()}\n`);
