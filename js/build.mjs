// Bundles the widgets into the Python package: an ES module for each view, and one style sheet.
//
// Uses esbuild's JavaScript API, so that it works with `npm ci --ignore-scripts` and with no `node` on PATH
// other than the one that runs this file.
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// Every widget instance carries its module in its state, so their sizes are budgets and not details.
const LIMITS_BYTES = {
  badge: 10_000,
  diagnostics: 30_000,
  explorer: 22_000,
  inspector: 26_000,
  panel: 20_000,
  plot: 76_000,
  transport: 32_000,
  workbench: 6_000,
};
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
// Those of views that are no more would go into the package.
for (const name of readdirSync(output)) if (name.endsWith(".js")) rmSync(join(output, name));
await build({
  ...common,
  entryPoints: Object.keys(LIMITS_BYTES).map((view) => join(here, "src", "views", `${view}.ts`)),
  outdir: output,
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

const kilobytes = (name) => statSync(join(output, name)).size / 1000;
for (const [view, limit] of Object.entries(LIMITS_BYTES)) {
  const name = `${view}.js`;
  console.log(`${relative(join(here, ".."), join(output, name))}  ${kilobytes(name).toFixed(1)} kB`);
  if (kilobytes(name) * 1000 > limit) {
    console.error(`${name} is bigger than the ${limit} bytes it may have`);
    process.exitCode = 1;
  }
}
console.log(`${relative(join(here, ".."), join(output, "widget.css"))}  ${kilobytes("widget.css").toFixed(1)} kB`);
