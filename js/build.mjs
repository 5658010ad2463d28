// Bundles the widgets into the Python package: one ES module and one style sheet.
//
// Uses esbuild's JavaScript API, so that it works with `npm ci --ignore-scripts` and with no `node` on PATH
// other than the one that runs this file.
import { mkdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const LIMIT_BYTES = 140_000;
const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, "..", "audiocache_nb", "widgets", "static");
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};

mkdirSync(output, { recursive: true });
await build({
  ...common,
  entryPoints: [join(here, "src", "widget.ts")],
  outfile: join(output, "widget.js"),
  format: "esm",
  target: "es2022",
  platform: "browser",
});
await build({
  ...common,
  entryPoints: [join(here, "src", "widget.css")],
  outfile: join(output, "widget.css"),
  // The sheet relies on light-dark(); without this esbuild would be free to lower it for older browsers.
  target: "esnext",
});

for (const name of ["widget.js", "widget.css"]) {
  const file = join(output, name);
  console.log(`${relative(join(here, ".."), file)}  ${(statSync(file).size / 1000).toFixed(1)} kB`);
}
const size = statSync(join(output, "widget.js")).size;
if (size > LIMIT_BYTES) {
  // Every widget instance carries the module in its state, so its size is a budget and not a detail.
  console.error(`widget.js is ${size} bytes, more than the ${LIMIT_BYTES} allowed`);
  process.exitCode = 1;
}
